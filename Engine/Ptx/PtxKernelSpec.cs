using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>A kernel's method and everything that decides its text.</summary>
/// <param name="Method">Static, explicitly grouped.</param>
/// <param name="Variant">Names the macros' values for people, in tables and messages; empty where there are none.</param>
/// <param name="Architecture">Such as sm_90a.</param>
/// <param name="Threads">Threads in a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
/// <param name="Macros">Text by name.</param>
public sealed record PtxKernelSpec(
    MethodInfo Method, string Variant, string Architecture, int Threads, int SharedBytes, IReadOnlyDictionary<string, string> Macros)
{
    /// <summary>Blocks in a cluster; 1 for none.</summary>
    public int Cluster { get; init; } = 1;

    /// <summary>Blocks that a multiprocessor must be able to hold, which limits registers; 0 to leave that to the compiler.</summary>
    public int Resident { get; init; }

    /// <summary>
    /// Whether the kernel is compiled as a whole program, and kept in the driver's cache. Binaries for <see cref="KernelCache"/> come from the driver's
    /// linker, which compiles for several units: it ignores setmaxnreg, and runs wgmma one after another where registers are then too few.
    /// </summary>
    public bool Whole { get; init; }

    /// <summary>Identifies the kernel on a device: equal keys mean equal texts, compiled and launched alike.</summary>
    public string Key =>
        $"{Method.DeclaringType?.FullName}.{Method}/{Variant}/{Architecture}/{Threads}/{SharedBytes}/{Cluster}/{Resident}/{(Whole ? "whole" : "unit")}/{MacroHash()}";

    /// <summary>The PTX text and its entry.</summary>
    public (string Text, string Entry) Compile() => PtxSource.Compile(Method, Architecture, Threads, Macros, Resident);

    /// <summary>The same, from what an earlier process kept if it is still right.</summary>
    internal (string Text, string Entry) CompileKept() =>
        PtxSource.Complete(KernelTexts.Of(Method, PtxSource.Language), Method, Architecture, Threads, Macros, Resident);

    private string MacroHash()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach ((string name, string text) in Macros.OrderBy(macro => macro.Key, StringComparer.Ordinal))
        {
            hash.AppendData(MemoryMarshal.AsBytes<char>($"{name}\0{text}\0"));
        }

        return Convert.ToHexString(hash.GetCurrentHash().AsSpan(0, 8));
    }
}
