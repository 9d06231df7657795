using System.Reflection;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>A kernel's method and everything that decides its text.</summary>
/// <param name="Method">Static, explicitly grouped.</param>
/// <param name="Variant">Names the macros' values, so that equal names mean equal text; empty where there are none.</param>
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

    /// <summary>Identifies the kernel on a device.</summary>
    public string Key => $"{Method.DeclaringType?.FullName}.{Method.Name}/{Variant}/{Architecture}/{Threads}/{SharedBytes}/{Cluster}/{Resident}";

    /// <summary>The PTX text and its entry.</summary>
    public (string Text, string Entry) Compile() => PtxSource.Compile(Method, Architecture, Threads, Macros, Resident);

    /// <summary>The same, from what an earlier process kept if it is still right.</summary>
    internal (string Text, string Entry) CompileKept() =>
        PtxSource.Complete(KernelTexts.Of(Method, PtxSource.Language), Method, Architecture, Threads, Macros, Resident);
}
