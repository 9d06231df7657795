using System.Reflection;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>Texts of kernels are kept between processes, taken whole or not at all, and never for other code than they were made of.</summary>
public sealed class PtxCacheTests : IDisposable
{
    private static readonly MethodInfo Sum = ((Delegate)WgmmaGradientSum.Sum).Method, Convolve = ((Delegate)WgmmaConvolution.Convolve).Method;
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_text_is_made_once_and_read_from_then_on()
    {
        (string Text, string Entry) made = PtxCache.Of(Sum, CudaArchitecture.SM_80, folder.Path);
        Assert.Equal(IlgpuPtx.Compile(Sum, CudaArchitecture.SM_80), made);
        Assert.Equal(made, PtxCache.Of(Sum, CudaArchitecture.SM_80, folder.Path));
        CubinCache.TryWrite(Place, System.Text.Encoding.UTF8.GetBytes("Kept\n.visible .entry Kept(\n) {}\n"));
        Assert.Equal((".visible .entry Kept(\n) {}\n", "Kept"), PtxCache.Of(Sum, CudaArchitecture.SM_80, folder.Path));
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("Other\n.visible .entry Kept(\n) {}\n")] // the entry that is named is not there
    public void What_is_no_text_is_made_anew(string file)
    {
        CubinCache.TryWrite(Place, System.Text.Encoding.UTF8.GetBytes(file));
        Assert.Equal(IlgpuPtx.Compile(Sum, CudaArchitecture.SM_80), PtxCache.Of(Sum, CudaArchitecture.SM_80, folder.Path));
    }

    [Fact]
    public void A_damaged_file_is_made_anew()
    {
        PtxCache.Of(Sum, CudaArchitecture.SM_80, folder.Path);
        byte[] file = File.ReadAllBytes(Place);
        file[^1] ^= 1;
        File.WriteAllBytes(Place, file);
        Assert.Equal(IlgpuPtx.Compile(Sum, CudaArchitecture.SM_80), PtxCache.Of(Sum, CudaArchitecture.SM_80, folder.Path));
    }

    [Fact]
    public void Other_methods_architectures_and_builds_have_files_of_their_own()
    {
        string versions = PtxCache.VersionsOf(Sum.Module.Assembly);
        string[] names =
        [
            PtxCache.FileName(Sum, CudaArchitecture.SM_80, versions), PtxCache.FileName(Convolve, CudaArchitecture.SM_80, versions),
            PtxCache.FileName(Sum, CudaArchitecture.SM_90, versions), PtxCache.FileName(Sum, CudaArchitecture.SM_80, versions + " built again"),
            .. Enumerable.Select<Type, string>([typeof(int), typeof(long)], type => PtxCache.FileName(Generic.MakeGenericMethod(type), CudaArchitecture.SM_80, versions)),
        ];
        Assert.Equal(names.Length, names.Distinct().Count());
    }

    [Fact]
    public void A_version_is_that_of_all_code_a_kernel_can_be_made_of()
    {
        string versions = PtxCache.VersionsOf(typeof(PtxCacheTests).Assembly);
        foreach (Assembly used in new[] { typeof(PtxCacheTests).Assembly, Sum.Module.Assembly, typeof(PtxCache).Assembly, typeof(ILGPU.Context).Assembly })
            Assert.Contains($"{used.FullName} {used.ManifestModule.ModuleVersionId}", versions, StringComparison.Ordinal);
        Assert.DoesNotContain("System.Private.CoreLib", versions, StringComparison.Ordinal);
    }

    [Fact]
    public void Type_arguments_count_as_code_of_the_kernel()
    {
        MethodInfo inKernels = typeof(PtxCache).GetMethod("Of", BindingFlags.Static | BindingFlags.Public)!;
        Assert.DoesNotContain(OwnVersion, PtxCache.VersionsOf(inKernels), StringComparison.Ordinal);
        MethodInfo ofOurs = typeof(Enumerable).GetMethod(nameof(Enumerable.Empty))!.MakeGenericMethod(typeof(List<PtxCacheTests>));
        Assert.Contains(OwnVersion, PtxCache.VersionsOf(ofOurs), StringComparison.Ordinal);
    }

    [Fact]
    public void A_kernel_from_a_kept_text_is_the_same_kernel()
    {
        foreach (PtxKernelSpec spec in KernelCatalogue.WithInlinePtx().GroupBy(spec => spec.Method).Select(same => same.First()))
        {
            PtxCache.Of(spec.Method, CudaArchitecture.SM_80, folder.Path);
            Assert.Equal(spec.Compile(), PtxSource.Complete(PtxCache.Of(spec.Method, CudaArchitecture.SM_80, folder.Path), spec.Method, spec.Architecture, spec.Threads, spec.Macros, spec.MinResidentBlocks));
        }
    }

    public void Dispose() => folder.Dispose();

    private static string OwnVersion => $"{typeof(PtxCacheTests).Assembly.ManifestModule.ModuleVersionId}";

    private static MethodInfo Generic { get; } = typeof(PtxCacheTests).GetMethod(nameof(Twice), BindingFlags.Static | BindingFlags.NonPublic)!;

    private string Place => Path.Combine(folder.Path, PtxCache.FileName(Sum, CudaArchitecture.SM_80, PtxCache.VersionsOf(Sum)));

    private static T Twice<T>(T value) => value;
}
