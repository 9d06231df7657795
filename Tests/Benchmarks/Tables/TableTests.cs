using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Tables keep their contents when written and read again, and are readable as plain text.</summary>
public sealed class TableTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

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
                Rounds = "12.25 12 13", IntervalLow = 12, IntervalHigh = 13, Machine = "a processor, 2 \"threads\"", Load = 1.5,
                SustainedMicroseconds = 14.5, SustainedImagesPerSecond = 11.5, SustainedTflops = 0.4, SustainedMegahertz = 1600.5, SustainedWatts = 699.5, JoulesPerImage = 0.2125, SustainedCopyTbps = 3.5,
                SustainedBestTflops = 610.5, SustainedBoundPercent = 80.5, SustainedThrottled = "power cap", PeerSustainedMicroseconds = 29, SustainedRatio = 2, PeerJoulesPerImage = 0.5,
            },
            new() { Op = "norm", Direction = "backward", Shape = "n1", Type = "fp32", Path = "cpu", Verdict = "FAILED", Note = "why, in words" },
        ];
        string path = Path.Combine(folder.Path, "kernels.csv");
        CsvTable.Write(path, rows);
        Assert.Equal(rows, CsvTable.Read<BenchmarkRow>(path));
        string json = Path.Combine(folder.Path, "kernels.json");
        JsonTable.Write(json, BenchmarkRow.CurrentSchema, rows);
        Assert.Equal(rows, JsonTable.Read<BenchmarkRow>(json));
        Assert.Contains("\"us_p95\": 13.5", File.ReadAllText(json), StringComparison.Ordinal);
        Assert.Equal(
            "schema,op,direction,shape,dtype,path,clock,us,us_p5,us_p95,repetitions,flops,bytes,tflops,tbps,images_per_second,peak_gib,copy_tbps,best_tflops,bound_us,bound_percent,bound_by,"
            + "registers,spill_bytes,shared_bytes,occupancy_percent,sm_mhz,temperature_c,throttled,error,verdict,peer,peer_us,ratio,device,note,us_rounds,us_interval_low,us_interval_high,machine,load,"
            + "sustained_us,sustained_images_per_second,sustained_tflops,sustained_sm_mhz,sustained_watts,joules_per_image,sustained_copy_tbps,sustained_best_tflops,sustained_bound_percent,"
            + "sustained_throttled,peer_sustained_us,sustained_ratio,peer_joules_per_image", File.ReadLines(path).First());
    }

    /// <summary>A table of before there were times under sustained load is read, and lacks them.</summary>
    [Fact]
    public void A_table_without_later_columns_is_read()
    {
        string path = folder.File("older.csv");
        File.WriteAllText(path, "schema,op,direction,shape,dtype,path,clock,us,images_per_second,verdict,machine,load\n2,step,sct,cifar10 n256,bf16,cuda,benchmarkdotnet,77600,3299,ok,a,1\n");
        BenchmarkRow row = Assert.Single(CsvTable.Read<BenchmarkRow>(path));
        Assert.Equal((77600.0, 3299.0, null, "", null), (row.Microseconds, row.ImagesPerSecond, row.SustainedMicroseconds, row.SustainedThrottled, row.PeerJoulesPerImage));
    }

    [Theory]
    [InlineData("not JSON")]
    [InlineData("{}")]
    [InlineData("{\"schema\": 2, \"rows\": null}")]
    [InlineData("{\"schema\": 2, \"rows\": [null]}")]
    [InlineData("{\"schema\": 2, \"rows\": [{\"verdict\": null}]}")]
    [InlineData("{\"schema\": 2, \"rows\": [{\"us\": \"fast\"}]}")]
    public void Json_of_something_else_is_refused_without_names_of_types(string json)
    {
        string path = folder.File("other.json");
        File.WriteAllText(path, json);
        InvalidFileException e = Assert.Throws<InvalidFileException>(() => JsonTable.Read<BenchmarkRow>(path));
        Assert.DoesNotContain("System.", e.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidFileException>(() => JsonTable.Read<BenchmarkRow>(folder.File("missing.json")));
    }

    [Fact]
    public void A_table_with_the_line_ends_of_another_system_is_read_to_its_last_column()
    {
        string path = Path.Combine(folder.Path, "crlf.csv");
        File.WriteAllText(path, "op,direction,shape,us\r\ngemm,forward,1x1x1,12.5\r\n");
        Assert.Equal(12.5, Assert.Single(CsvTable.Read<BenchmarkRow>(path)).Microseconds);
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
    public void Columns_that_no_row_knows_are_left_out_where_that_is_asked_for()
    {
        MarkdownTable Fill(MarkdownTable table) => table.Add("a", null, 1.0).Add("b", null, null);
        Assert.Equal("| x |    z |\n|---|-----:|\n| a | 1.00 |\n| b |    - |\n", Fill(new MarkdownTable("x", "y", "z") { OmitsUnknown = true }).ToString());
        Assert.StartsWith("| x | y |", Fill(new MarkdownTable("x", "y", "z")).ToString(), StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();
}
