using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Which cases there are, by preset, by name and from a file.</summary>
public sealed class BenchmarkSuiteTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-suite-").FullName;

    public static TheoryData<string, SuiteExtent> Scopes => new MatrixTheoryData<string, SuiteExtent>(SuitePresets.Names, Enum.GetValues<SuiteExtent>());

    [Theory]
    [MemberData(nameof(Scopes))]
    public void Every_case_of_a_preset_is_found_by_its_own_name(string preset, SuiteExtent extent)
    {
        SuiteCase[] cases = [.. BenchmarkSuite.Cases(new SuiteScope(preset, 2, DType.Float32, extent))];
        Assert.NotEmpty(cases);
        Assert.Equal(cases.Select(each => each.Name).Distinct(), cases.Select(each => each.Name));
        Assert.All(cases, each =>
        {
            SuiteCase again = Assert.Single(BenchmarkSuite.Named(each.Name, DType.Float32));
            Assert.Equal((each.Name, each.Flops, each.Bytes, each.GetType()), (again.Name, again.Flops, again.Bytes, again.GetType()));
        });
    }

    [Fact]
    public void A_quick_scope_has_the_first_the_middle_and_the_last_shape()
    {
        string[] Shapes(SuiteExtent extent) =>
            [.. BenchmarkSuite.Cases(new SuiteScope(SuitePresets.Standard, 1, DType.Float32, extent)).Where(each => each is { Family: "gemm", Direction: "forward" }).Select(each => each.Shape)];
        string[] full = Shapes(SuiteExtent.Full);
        Assert.Equal([full[0], full[full.Length / 2], full[^1]], Shapes(SuiteExtent.Quick));
    }

    /// <summary>Calls and wake-ups of threads take some microseconds, so what a processor does in as many says nothing about the op.</summary>
    [Fact]
    public void Quick_shapes_of_a_processor_have_more_work_than_a_call()
    {
        KernelCase[] cases = [.. BenchmarkSuite.Cases(new SuiteScope(SuitePresets.Standard, 1, DType.Float32, SuiteExtent.Host)).OfType<KernelCase>()];
        KernelCase[] tiny = [.. BenchmarkSuite.Cases(new SuiteScope(SuitePresets.Standard, 1, DType.Float32, SuiteExtent.Tiny)).OfType<KernelCase>()];
        Assert.Equal(tiny.Select(each => each.Family).Distinct(), cases.Select(each => each.Family).Distinct());
        Assert.All(cases, each => Assert.True(each.Flops > 1e7 || each.Bytes > 1e6, each.Name));
    }

    [Fact]
    public void A_name_without_a_direction_has_them_all()
    {
        Assert.Equal(["forward", "input-gradient", "weight-gradient"], BenchmarkSuite.Named("gemm/7x8x9", DType.Float32).Select(each => each.Direction));
        Assert.Equal(["forward", "forward+tangent", "backward"], BenchmarkSuite.Named("norm/*/n2 c12 4x4", DType.Float32).Select(each => each.Direction));
        Assert.Equal(2.0 * 7 * 8 * 9, Assert.Single(BenchmarkSuite.Named("gemm/forward/7x8x9", DType.Float32)).Flops);
    }

    /// <summary>Networks that judge images are measured by name, in each way of computing their products.</summary>
    [Fact]
    public void Features_have_a_direction_for_each_way_of_computing_products()
    {
        SuiteCase[] cases = [.. BenchmarkSuite.Named("features/inception n4 32x32", DType.Float32)];
        Assert.Equal(["fp32", "bf16x3", "bf16x6"], cases.Select(each => each.Direction));
        Assert.All(cases, each => Assert.Equal(4 * 2 * 5.711, each.Flops / 1e9, 1e-6));
        Assert.DoesNotContain(BenchmarkSuite.Cases(new SuiteScope(SuitePresets.Standard, 1, DType.Float32, SuiteExtent.Full)), each => each.Family == "features");
    }

    /// <summary>Guidance needs classes, and only images can be drawn for the loader; a direction that is named is taken at its word.</summary>
    [Fact]
    public void Directions_that_a_shape_has_not_are_left_out_unless_they_are_named()
    {
        Assert.Equal(["scd", "sct", "trigflow"], BenchmarkSuite.Named("step/demo n2", DType.Float32).Select(each => each.Direction).Intersect(["scd", "sct", "scd-guided", "trigflow"]));
        Assert.Equal("step/scd-guided/demo n8 m2", Assert.Single(BenchmarkSuite.Named("step/scd-guided/demo n8 m2", DType.Float32)).Name);
        Assert.Equal(["upload", "download"], BenchmarkSuite.Named("feed/n2 c4 16x16", DType.Float32).Select(each => each.Direction));
        Assert.Contains("step/scd-guided/imagenet64-s n128", BenchmarkSuite.Named("step/imagenet64-s n128", DType.Float32).Select(each => each.Name));
        Assert.Equal((128, 256, 256), (SuitePresets.UsualBatch("imagenet64-s"), SuitePresets.UsualBatch("cifar10-edm2"), SuitePresets.UsualBatch(SuitePresets.Standard)));
        Assert.Equal((256, 256), (SuitePresets.UsualBatch("cifar10"), SuitePresets.UsualBatch(SuitePresets.Standard)));
    }

    [Theory]
    [InlineData("gemm", "neither")]
    [InlineData("gem/7x8x9", "gemm, conv")]
    [InlineData("gemm/sideways/7x8x9", "forward, input-gradient")]
    [InlineData("gemm/7x8", "ROWSxOUTPUTSxINPUTS")]
    [InlineData("gemm/7x8x0", "1 to 2^30")]
    [InlineData("gemm/7x8x99999999999", "1 to 2^30")]
    [InlineData("conv/n2 8->16 4x5 k3", "does not have the form")]
    [InlineData("conv/n2 8->16 4x4 k5", "does not have the form")]
    [InlineData("norm/n2 c12 4x4 ", "does not have the form")]
    [InlineData("magnitudenorm/n2 c12 4x4 r5", "runs of 5 do not divide 12 channels")]
    [InlineData("step/sct/demo n8 m3", "a micro-batch of 3 does not divide a batch of 8")]
    [InlineData("step/sct/de-mo n8", "unknown preset 'de-mo'")]
    public void A_name_of_nothing_is_refused(string name, string reason) =>
        Assert.Contains(reason, Assert.Throws<UsageException>(() => BenchmarkSuite.Named(name, DType.Float32).ToList()).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_names_cases()
    {
        string path = Path.Combine(folder, "shapes.csv");
        File.WriteAllText(path, "op,direction,shape\ngemm,forward,7x8x9\nconv,,n2 8->16 4x4 k3\n");
        Assert.Equal(
            ["gemm/forward/7x8x9", "conv/forward/n2 8->16 4x4 k3", "conv/input-gradient/n2 8->16 4x4 k3", "conv/weight-gradient/n2 8->16 4x4 k3"],
            BenchmarkSuite.FromFile(path, DType.Float32).Select(each => each.Name));
        File.AppendAllText(path, "gemm,forward,7x8\n");
        UsageException e = Assert.Throws<UsageException>(() => BenchmarkSuite.FromFile(path, DType.Float32).ToList());
        Assert.Contains("shapes.csv, line 4", e.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
