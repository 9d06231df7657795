using System.IO.Enumeration;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Inspect;

/// <summary>A kernel of the catalogue as it is compiled.</summary>
/// <param name="Name">As in the catalogue.</param>
/// <param name="Architecture">What the text is for, such as sm_90a.</param>
/// <param name="Text">Makes its PTX.</param>
/// <param name="Spec">What it was made from, where it has inline PTX.</param>
internal sealed record InspectedKernel(string Name, string Architecture, Func<string> Text, PtxKernelSpec? Spec)
{
    /// <summary>Every kernel, by name.</summary>
    public static IEnumerable<InspectedKernel> All() =>
    [
        .. KernelCatalogue.WithInlinePtx().GroupBy(KernelCatalogue.NameOf).SelectMany(same => same.Select(spec => WithInlinePtx(spec, alone: same.Count() == 1))),
        .. KernelCatalogue.Plain().Select(method => new InspectedKernel(KernelCatalogue.NameOf(method), "sm_90", () => IlgpuPtx.Compile(method, CudaArchitecture.SM_90).Text, null)),
    ];

    /// <summary>A kernel by its name or, where others have it too, by its name and its blocks.</summary>
    private static InspectedKernel WithInlinePtx(PtxKernelSpec spec, bool alone) =>
        new($"{KernelCatalogue.NameOf(spec)}{(alone ? "" : $", {spec.Cluster} x {spec.Threads}")}", spec.Architecture, () => spec.Compile().Text, spec);

    /// <summary>Whether the name matches a pattern, in which * stands for any characters, or is in it.</summary>
    public bool Matches(string pattern) => Name == pattern || FileSystemName.MatchesSimpleExpression(pattern, Name);

    /// <summary>What the specification says of a launch; empty without one.</summary>
    public string Launch() => Spec is null ? "" : $"{Spec.Threads} threads, {Spec.SharedBytes} bytes of dynamic shared memory{(Spec.Cluster > 1 ? $", clusters of {Spec.Cluster}" : "")}";

    /// <summary>What the driver says of it on a GPU; empty without one, or without a specification.</summary>
    public string Resources(GpuDevice? gpu)
    {
        if (gpu is null || Spec is null)
            return "";
        var kernel = PtxKernel.Load(gpu, Spec);
        return $"driver: {kernel.RegisterCount} registers, {kernel.LocalMemoryBytes} bytes of local memory, {kernel.ResidentBlocks} blocks on a multiprocessor";
    }
}
