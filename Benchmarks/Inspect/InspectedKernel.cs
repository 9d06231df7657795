using System.IO.Enumeration;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Inspect;

/// <summary>
/// A kernel of <see cref="KernelCatalogue"/>, which finds kernels with inline PTX by the specifications of their families, and all others by their names.
/// </summary>
/// <param name="Name">Class, method and variant or storage types, such as WgmmaConvolution.Convolve/n256-c1.</param>
/// <param name="Architecture">The target of its PTX, such as sm_90a.</param>
/// <param name="Text">Compiles it to PTX.</param>
/// <param name="Spec">Its specification; null without inline PTX.</param>
internal sealed record InspectedKernel(string Name, string Architecture, Func<string> Text, PtxKernelSpec? Spec)
{
    /// <summary>Lists every kernel of the catalogue: products and attention on wgmma and on mma.sync, norms, and kernels without inline PTX.</summary>
    public static IEnumerable<InspectedKernel> All() =>
    [
        .. KernelCatalogue.WithInlinePtx().GroupBy(KernelCatalogue.NameOf).SelectMany(same => same.Select(spec => WithInlinePtx(spec, alone: same.Count() == 1))),
        .. KernelCatalogue.Plain().Select(method => new InspectedKernel(KernelCatalogue.NameOf(method), "sm_90", () => IlgpuPtx.Compile(method, CudaArchitecture.SM_90).Text, null)),
    ];

    /// <summary>Returns a kernel with inline PTX; cluster and threads are added to a name that several kernels have.</summary>
    private static InspectedKernel WithInlinePtx(PtxKernelSpec spec, bool alone) =>
        new($"{KernelCatalogue.NameOf(spec)}{(alone ? "" : $", {spec.Cluster} x {spec.Threads}")}", spec.Architecture, () => spec.Compile().Text, spec);

    /// <summary>Whether the name equals a pattern, or matches it with * for any characters and ? for one.</summary>
    public bool Matches(string pattern) => Name == pattern || FileSystemName.MatchesSimpleExpression(pattern, Name);

    /// <summary>Threads, shared memory and cluster of a launch; empty without a specification.</summary>
    public string Launch() => Spec is null ? "" : $"{Spec.Threads} threads, {Spec.SharedBytes} bytes of dynamic shared memory{(Spec.Cluster > 1 ? $", clusters of {Spec.Cluster}" : "")}";

    /// <summary>Registers, local memory and resident blocks on a GPU, as its driver reports them; empty without a GPU or a specification.</summary>
    public string Resources(GpuDevice? gpu)
    {
        if (gpu is null || Spec is null)
            return "";
        var kernel = PtxKernel.Load(gpu, Spec);
        return $"driver: {kernel.RegisterCount} registers, {kernel.LocalMemoryBytes} bytes of local memory, {kernel.ResidentBlocks} blocks on a multiprocessor";
    }
}
