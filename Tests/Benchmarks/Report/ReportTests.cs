using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Report;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

public sealed class ReportTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-benchmarks-").FullName;

    [Fact]
    public void Pictures_are_drawn_of_what_there_is()
    {
        BenchmarkRow product = new() { Op = "gemm", Path = "wgmma", Microseconds = 5, Flops = 2e9, Tflops = 400, Tbps = 1.2, CopyTbps = 4, BestTflops = 800, Bytes = 6e6 };
        string path = Path.Combine(folder, "picture.png");
        Assert.False(RooflinePlot.Save(path, "none", [new BenchmarkRow { Op = "gemm", Microseconds = 5 }]) || PeerPlot.Save(path, "none", [product]));
        Assert.False(File.Exists(path));
        Assert.True(RooflinePlot.Save(path, "card", [product, product with { Op = "norm", Flops = null, Tflops = null }]));
        RequirePng(path);
        Assert.True(RooflinePlot.Save(path, "processor", [product with { Path = "cpu", Tflops = 0.01, Tbps = 0.002, CopyTbps = 0.01, BestTflops = 0.05 }, product with { Op = "norm", Path = "cpu", Flops = null, Tflops = null, Tbps = 0.03, CopyTbps = 0.01, BestTflops = 0.05, BoundBy = "cache" }]));
        RequirePng(path);
        Assert.True(PeerPlot.Save(path, "card", [product with { Ratio = 0.5 }, product with { Ratio = 2 }]));
        RequirePng(path);
    }

    [Fact]
    public void A_row_that_was_throttled_is_marked()
    {
        string table = RowTables.Full([new BenchmarkRow { Op = "gemm", Verdict = "ok", Throttled = "power cap" }, new BenchmarkRow { Op = "step", Verdict = "ok" }]);
        Assert.Contains("ok: power cap |", table, StringComparison.Ordinal);
        Assert.Contains("| work", table, StringComparison.Ordinal);
    }

    [Fact]
    public void A_summary_holds_the_least_and_the_median_ratio_and_counts_what_is_wrong()
    {
        BenchmarkRow Row(double? ratio, string verdict) => new() { Op = "conv", Direction = "forward", Path = "wgmma", Ratio = ratio, Verdict = verdict };
        string[] cells = [.. RowTables.Summary([Row(0.5, "ok"), Row(1, "ok"), Row(2, "ok"), Row(null, "WRONG")]).Split('\n')[2].Split('|', StringSplitOptions.TrimEntries)];
        Assert.Equal(["conv", "forward", "wgmma", "4", "1", "0.500", "1.00", "-", "-"], cells[1..^1]);
    }

    private static void RequirePng(string path) => Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(path)[..4]);

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
