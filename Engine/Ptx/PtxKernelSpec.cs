using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>The method of a kernel, and everything else on which its text depends.</summary>
/// <param name="Method">Static method, grouped explicitly.</param>
/// <param name="Variant">Short name of the macros' values, for tables and messages; empty if there are none.</param>
/// <param name="Architecture">Target of the text, such as sm_90a.</param>
/// <param name="Threads">Threads in a block.</param>
/// <param name="SharedBytes">Dynamic shared memory of a block in bytes.</param>
/// <param name="Macros">Text of each macro by name.</param>
public sealed record PtxKernelSpec(
    MethodInfo Method, string Variant, string Architecture, int Threads, int SharedBytes, IReadOnlyDictionary<string, string> Macros)
{
    /// <summary>Blocks in a cluster; 1 for none.</summary>
    public int Cluster { get; init; } = 1;

    /// <summary>Number of blocks that a multiprocessor must be able to hold, which limits registers; 0 leaves the choice to the compiler.</summary>
    public int MinResidentBlocks { get; init; }

    /// <summary>
    /// Whether the kernel is compiled as a whole program and kept in the driver's cache. Binaries in <see cref="CubinCache"/> come from the driver's
    /// linker, which compiles separate units: it ignores setmaxnreg, and serialises wgmma if registers then do not suffice.
    /// </summary>
    public bool WholeProgram { get; init; }

    /// <summary>Identifies the kernel on a device: kernels with equal keys have equal texts, compiled and launched alike.</summary>
    public string Key =>
        $"{Method.Module.ModuleVersionId:N}/{Method.DeclaringType?.FullName}.{Method}/{Variant}/{Architecture}/{Threads}/{SharedBytes}/{Cluster}/{MinResidentBlocks}/{(WholeProgram ? "whole" : "unit")}/{MacroHash()}";

    /// <summary>Compiles the method to PTX; returns the text and the name of its entry. No GPU is needed.</summary>
    /// <exception cref="ArgumentException">The method uses a macro that is not given.</exception>
    /// <exception cref="ILGPU.InternalCompilerException">The method contains something that ILGPU cannot compile.</exception>
    public (string Text, string Entry) Compile() => PtxSource.Compile(Method, Architecture, Threads, Macros, MinResidentBlocks);

    /// <summary>Compiles the method, or takes the text that an earlier process kept if that is still valid.</summary>
    internal (string Text, string Entry) CompileKept() =>
        PtxSource.Complete(PtxCache.Of(Method, PtxSource.Language), Method, Architecture, Threads, Macros, MinResidentBlocks);

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
