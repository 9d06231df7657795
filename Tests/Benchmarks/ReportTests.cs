using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

public sealed class ReportTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-benchmarks-").FullName;

    [Fact]
    public void A_table_reads_back_as_it_was_written()
    {
        BenchmarkRow[] rows =
        [
            new()
            {
                Op = "conv", Direction = "forward", Shape = "n2 3->4 5x5 k3", Type = "bf16", Path = "wgmma", Microseconds = 12.25, Low = 12, High = 13.5, Repetitions = 20,
                Tflops = 0.5, Tbps = 1.25, BoundMicroseconds = 10, BoundPercent = 81.5, Error = 1.25e-3, Verdict = "ok", Peer = "cudnn", PeerMicroseconds = 24.5, Ratio = 2,
                Device = "a, \"b\"", Clock = "graph", Flops = 1e9, Bytes = 2e6, ImagesPerSecond = 12.5, PeakGib = 1.5, CopyTbps = 4, BestTflops = 700.25, BoundBy = "memory", Registers = 168,
                SpillBytes = 8, SharedBytes = 232448, OccupancyPercent = 18.8, SmMegahertz = 1980, Temperature = 41, Throttled = "power cap",
            },
            new() { Op = "norm", Direction = "backward", Shape = "n1", Type = "fp32", Path = "cpu", Verdict = "FAILED", Note = "why, in words" },
        ];
        string path = Path.Combine(folder, "kernels.csv");
        CsvTable.Write(path, rows);
        Assert.Equal(rows, CsvTable.Read<BenchmarkRow>(path));
        string json = Path.Combine(folder, "kernels.json");
        JsonTable.Write(json, rows);
        Assert.Equal(rows, JsonTable.Read(json));
        Assert.Contains("\"us_p95\": 13.5", File.ReadAllText(json), StringComparison.Ordinal);
        Assert.Equal(
            "schema,op,direction,shape,dtype,path,clock,us,us_p5,us_p95,repetitions,flops,bytes,tflops,tbps,images_per_second,peak_gib,copy_tbps,best_tflops,bound_us,bound_percent,bound_by,"
            + "registers,spill_bytes,shared_bytes,occupancy_percent,sm_mhz,temperature_c,throttled,error,verdict,peer,peer_us,ratio,device,note", File.ReadLines(path).First());
    }

    [Fact]
    public void A_table_with_the_line_ends_of_another_system_is_read_to_its_last_column()
    {
        string path = Path.Combine(folder, "crlf.csv");
        File.WriteAllText(path, "op,direction,shape,us\r\ngemm,forward,1x1x1,12.5\r\n");
        Assert.Equal(12.5, Assert.Single(CsvTable.Read<BenchmarkRow>(path)).Microseconds);
    }

    [Fact]
    public void Pictures_are_drawn_of_what_there_is()
    {
        BenchmarkRow product = new() { Op = "gemm", Path = "wgmma", Microseconds = 5, Flops = 2e9, Tflops = 400, Tbps = 1.2, CopyTbps = 4, BestTflops = 800, Bytes = 6e6 };
        string path = Path.Combine(folder, "picture.png");
        Assert.False(RooflinePlot.Save(path, "none", [new BenchmarkRow { Op = "gemm", Microseconds = 5 }]) || PeerPlot.Save(path, "none", [product]));
        Assert.False(File.Exists(path));
        Assert.True(RooflinePlot.Save(path, "card", [product, product with { Op = "norm", Flops = null, Tflops = null }]));
        RequirePng(path);
        Assert.True(PeerPlot.Save(path, "card", [product with { Ratio = 0.5 }, product with { Ratio = 2 }]));
        RequirePng(path);
    }

    [Theory]
    [InlineData(1234.5, "1234")]
    [InlineData(99.94, "99.9")]
    [InlineData(-1.005e-1, "-0.101")]
    [InlineData(0.00048, "0.000480")]
    [InlineData(1e-9, "0.000000")]
    [InlineData(0.0, "0")]
    [InlineData(double.NaN, "-")]
    public void Numbers_in_tables_have_three_digits_that_count(double number, string text) =>
        Assert.Contains($" {text} |", new MarkdownTable("number").Add(number).ToString().Split('\n')[2], StringComparison.Ordinal);

    [Fact]
    public void A_row_that_was_throttled_is_marked()
    {
        string table = RowTables.Full([new BenchmarkRow { Op = "gemm", Verdict = "ok", Throttled = "power cap" }, new BenchmarkRow { Op = "step", Verdict = "ok" }]);
        Assert.Contains("ok: power cap |", table, StringComparison.Ordinal);
        Assert.Contains("| work", table, StringComparison.Ordinal);
    }

    [Fact]
    public void Times_give_rates_bounds_and_ratios()
    {
        var each = ProductCase.Gemm(1000, 1000, 1000, DType.BFloat16, Direction.Forward);
        BenchmarkRow row = BenchmarkRow.Of(each, TestDevices.Get("cpu"), "wgmma").WithTimes(new Duration(5e-6, 4e-6, 6e-6, 20), new Ceilings(4e12, 8e14)).WithPeer("cublas", 4);
        Assert.Equal(("arithmetic", 4.0, 800.0, "cublas"), (row.BoundBy, row.CopyTbps, row.BestTflops, row.Peer));
        Assert.Equal(400, row.Tflops!.Value, 9); // 2e9 operations in 5 us
        Assert.Equal(1.2, row.Tbps!.Value, 9); // 6e6 bytes in 5 us
        Assert.Equal(2.5, row.BoundMicroseconds!.Value, 9);
        Assert.Equal(50, row.BoundPercent!.Value, 9);
        Assert.Equal(0.8, row.Ratio!.Value, 9);
    }

    [Fact]
    public void The_last_peer_wins_and_a_table_of_ours_can_be_one()
    {
        string first = Path.Combine(folder, "a.csv"), second = Path.Combine(folder, "b.csv");
        File.WriteAllText(first, "op,direction,shape,us,tflops\ngemm,forward,1x1x1,10,0\ngemm,forward,2x2x2,20,0\n");
        CsvTable.Write(second, [new BenchmarkRow { Op = "gemm", Direction = "forward", Shape = "1x1x1", Microseconds = 30 }, new BenchmarkRow { Op = "gemm", Direction = "forward", Shape = "3x3x3" }]);
        var peers = new PeerTimes([first, second]);
        BenchmarkRow Beside(string shape) => peers.Beside(new BenchmarkRow { Op = "gemm", Direction = "forward", Shape = shape, Microseconds = 10 });
        Assert.Equal(3, Beside("1x1x1").Ratio);
        Assert.Equal(2, Beside("2x2x2").Ratio);
        Assert.Null(Beside("3x3x3").Ratio);
    }

    [Fact]
    public void A_summary_holds_the_least_and_the_median_ratio_and_counts_what_is_wrong()
    {
        BenchmarkRow Row(double? ratio, string verdict) => new() { Op = "conv", Direction = "forward", Path = "wgmma", Ratio = ratio, Verdict = verdict };
        string[] cells = [.. RowTables.Summary([Row(0.5, "ok"), Row(1, "ok"), Row(2, "ok"), Row(null, "WRONG")]).Split('\n')[2].Split('|', StringSplitOptions.TrimEntries)];
        Assert.Equal(["conv", "forward", "wgmma", "4", "1", "0.500", "1.00", "-", "-"], cells[1..^1]);
    }

    [Theory]
    [InlineData("missing.csv", null)]
    [InlineData("garbage.csv", "op,direction,shape,us\ngemm,forward,1x1x1,fast\n")]
    public void A_file_that_is_no_table_is_bad_input(string name, string? text)
    {
        string path = Path.Combine(folder, name);
        if (text is not null)
            File.WriteAllText(path, text);
        UsageException e = Assert.Throws<UsageException>(() => new PeerTimes([path]));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    private static void RequirePng(string path) => Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(path)[..4]);

    public void Dispose() => Directory.Delete(folder, recursive: true);
}
