using System.Text.Json;
using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Cli;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The verbs as a person uses them, on the host.</summary>
public sealed class BenchmarkCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("trigflow-benchmarks-").FullName;
    private readonly StringWriter told = new();

    [Fact]
    public void A_run_writes_its_tables()
    {
        Assert.Equal(0, Run("run --quick --device cpu --precision fp32 --filter gemm/* conv/forward/* --out", folder));
        IReadOnlyList<BenchmarkRow> rows = CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "benchmarks.csv"));
        Assert.Equal(9, rows.Count); // two matrices in three directions and three convolutions
        Assert.All(rows, row => Assert.Equal(BenchmarkRow.Right, row.Verdict));
        Assert.True(File.Exists(Path.Combine(folder, "benchmarks.json")) && File.Exists(Path.Combine(folder, "roofline.png")));
        Assert.True(File.Exists(Path.Combine(folder, "benchmarks.md")) && File.Exists(Path.Combine(folder, "resources.csv")));
        Assert.Equal(0, Run("report {0}/benchmarks.csv --peer {0}/benchmarks.csv --out {0}/beside"));
        Assert.All(CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "beside", "benchmarks.csv")), row => Assert.Equal(1, row.Ratio));
        CsvTable.Write(Path.Combine(folder, "peer.csv"), rows.Select(row => row with { Path = "peer 1.0", Microseconds = 2 * row.Microseconds }));
        Assert.Equal(0, Run("report {0}/peer.csv {0}/benchmarks.csv --out {0}/both"));
        IReadOnlyList<BenchmarkRow> both = CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "both", "benchmarks.csv"));
        Assert.All(both.Take(9), row => Assert.Equal(("cpu", "peer 1.0", 2.0), (row.Path, row.Peer, Math.Round(row.Ratio!.Value, 1))));
        Assert.All(both.Skip(9), row => Assert.Equal(("peer 1.0", (double?)null), (row.Path, row.Ratio)));
        Assert.Equal(18, both.Count);
    }

    [Fact]
    public void Works_are_timed_in_a_burst_and_under_load()
    {
        const string Works = "run --quick --device cpu --shape step/scd-guided/demo_n2 sample/1-step/demo_n2 --out {0} --warm-seconds 0 --sustain-seconds 0.05 --sustained";
        Assert.Equal(0, RunWords($"{Works} on"));
        IReadOnlyList<BenchmarkRow> rows = CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "benchmarks.csv"));
        Assert.All(rows, row => Assert.True(row is { Microseconds: > 0, SustainedMicroseconds: > 0, SustainedImagesPerSecond: > 0, SustainedBoundPercent: > 0, SustainedBestTflops: > 0 }, $"{row}"));
        Assert.Contains("sustained ms", File.ReadAllText(Path.Combine(folder, "benchmarks.md")), StringComparison.Ordinal);
        Assert.Equal(0, RunWords($"{Works} auto")); // on a processor nothing is asked for
        Assert.All(CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "benchmarks.csv")), row => Assert.Null(row.SustainedMicroseconds));
        Assert.DoesNotContain("sustained ms", File.ReadAllText(Path.Combine(folder, "benchmarks.md")), StringComparison.Ordinal);
    }

    /// <summary>A batch that cannot be is a row among the others, which are measured all the same.</summary>
    [Fact]
    public void Growth_over_batches_and_sizes_is_a_table()
    {
        Assert.Equal(1, Run("growth --device cpu --precision fp32 --quick --work step/sct sample/1-step --sizes demo --batches 2 4 20000000 --micro-batch 2 --out {0}"));
        IReadOnlyList<GrowthView> rows = CsvTable.Read<GrowthView>(Path.Combine(folder, "growth.csv"));
        Assert.Equal(
            ["step/sct 2 ok", "step/sct 4 ok", "step/sct 20000000 FAILED", "sample/1-step 2 ok", "sample/1-step 4 ok", "sample/1-step 20000000 FAILED"],
            rows.Select(row => $"{row.Work} {row.Batch} {row.Verdict}"));
        Assert.All(rows, row => Assert.Equal((0.76, 0.059), (row.Mparameters, row.Gflop)));
        Assert.All(rows.Where(row => row.Verdict == "ok"), row => Assert.Equal(row.Batch / row.Milliseconds!.Value * 1e3, row.ImagesPerSecond!.Value, 0.01 * row.ImagesPerSecond.Value));
        Assert.All(rows.Where(row => row.Verdict == "ok"), row => Assert.True(row is { Tflops: > 0, Gib: > 0 }));
        Assert.Contains("GFLOP/image", File.ReadAllText(Path.Combine(folder, "growth.md")), StringComparison.Ordinal);
        Assert.Equal(0, Run("growth --device cpu --quick --preset demo --batches 1")); // auto takes fp32 there
    }

    [Fact]
    public void A_training_from_files_stands_beside_its_step()
    {
        Assert.Equal(0, Run("training --preset demo --device cpu --precision fp32 --batch 2 --warm-seconds 0 --sustain-seconds 0.05 --out {0}"));
        string[] lines = File.ReadAllLines(Path.Combine(folder, "training.csv"));
        Assert.Equal(5, lines.Length);
        Assert.StartsWith("step alone,", lines[1], StringComparison.Ordinal);
        Assert.Equal("100", lines[1].Split(',')[2]);
        Assert.Contains("% waiting for the loader", File.ReadAllText(Path.Combine(folder, "training.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_and_samples_are_taken_apart()
    {
        const string Where = "--preset demo --device cpu --precision fp32 --out {0}";
        Assert.Equal(0, Run($"trace --batch 1 {Where}"));
        Assert.Equal(0, Run($"trace --work sample --count 2 {Where}"));
        IReadOnlyList<TimelineRowView> training = CsvTable.Read<TimelineRowView>(Path.Combine(folder, "timeline.csv"));
        IReadOnlyList<TimelineRowView> sampling = CsvTable.Read<TimelineRowView>(Path.Combine(folder, "timeline-sample-2.csv"));
        Assert.InRange(training.Sum(row => row.Share), 99, 101);
        using JsonDocument trace = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "trace-step.json")));
        Assert.Equal(training.Count, trace.RootElement.GetProperty("otherData").GetProperty("launches").GetInt32());
        Assert.True(File.Exists(Path.Combine(folder, "trace-sample-2.json")));
        Assert.InRange(sampling.Sum(row => row.Share), 99, 101);
        Assert.Contains(training, row => row.Op.Contains("backward", StringComparison.Ordinal));
        Assert.DoesNotContain(sampling, row => row.Op.Contains("backward", StringComparison.Ordinal) || row.Op.Contains("tangent", StringComparison.Ordinal));
    }

    [Fact]
    public void A_first_step_says_how_long_it_took()
    {
        Assert.Equal(0, Run("first-step --preset demo --batch 2 --device cpu --objective scd"));
        Assert.Matches(@"^\d+\.\d\d s to the end of the first step, loss \S+; ", told.ToString());
        Assert.Equal(2, Run("first-step --preset none --device cpu --precision fp32"));
    }

    [Fact]
    public void Cases_are_launched_for_a_profiler_without_being_timed()
    {
        Assert.Equal(0, Run("profile --device cpu --precision fp32 --launches 2 --shape gemm/forward/8x8x8", "step/sct/demo n2"));
        string[] lines = told.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("gemm/forward/8x8x8: ok, error ", lines[0], StringComparison.Ordinal);
        Assert.Equal("step/sct/demo n2: ok", lines[1]);
        Assert.Equal(2, Run("profile --device cpu --launches 0 --shape gemm/forward/8x8x8"));
    }

    [Fact]
    public void A_planted_regression_ends_with_code_1()
    {
        const string Quick = "run --quick --device cpu --filter gemm/forward/256* --rounds 3";
        Assert.Equal(0, Run($"{Quick} --out", folder));
        BenchmarkRow row = Assert.Single(CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "benchmarks.csv")));
        Assert.True(MedianInterval.Parse(row.Rounds).Count == 3 && row.IntervalLow <= row.Microseconds && row.Microseconds <= row.IntervalHigh && row.Repetitions == 21, $"{row}");
        Assert.True(row.Machine.Contains(".NET", StringComparison.Ordinal) && File.Exists(Path.Combine(folder, "benchmarkdotnet.log")));
        CsvTable.Write(Path.Combine(folder, "older", "benchmarks.csv"), [Times(row, 0.1)]);
        Assert.Equal(1, Run("report {0}/benchmarks.csv --compare {0}/older"));
        Assert.Equal(0, Run("report {0}/older/benchmarks.csv --compare {0}/benchmarks.csv"));
        Assert.Equal(2, Run("report {0}/benchmarks.csv --compare {0}/missing.csv"));

        // Rows that seem slower are measured in as many rounds again before the verdict.
        Assert.Equal(1, Run($"{Quick} --compare {{0}}/older --out {{0}}/again"));
        Assert.Equal(6, MedianInterval.Parse(Assert.Single(CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "again", "benchmarks.csv"))).Rounds).Count);
        Assert.Contains("REGRESSION", told.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_row_of_one_round_is_not_judged()
    {
        Assert.Equal(0, Run("run --quick --device cpu --filter gemm/forward/256* --out", folder));
        CsvTable.Write(Path.Combine(folder, "older.csv"), CsvTable.Read<BenchmarkRow>(Path.Combine(folder, "benchmarks.csv")).Select(row => Times(row, 0.2)));
        Assert.Equal(0, Run("report {0}/benchmarks.csv --compare {0}/older.csv"));
        Assert.Contains("1 rows not judged", told.ToString(), StringComparison.Ordinal);
        Assert.Contains("--rounds 5", told.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run --quick --device cpu --rounds 0")]
    [InlineData("run --quick --device cpu --compare {0}/missing")]
    [InlineData("run --quick --device cpu --precision fp32 --filter nothing/*")]
    [InlineData("run --quick --device cpu --precision fp32 --peer {0}/missing.csv")]
    [InlineData("run --quick --device cpu --precision fp32 --tensor-cores wgmma")]
    [InlineData("run --quick --device cpu --warm-seconds -1")]
    [InlineData("run --quick --device cpu --sustain-seconds 0")]
    [InlineData("run --quick --device cpu --sustain-seconds 241")]
    [InlineData("run --quick --device cpu --sustained perhaps")]
    [InlineData("growth --preset demo --device cpu --precision fp32 --work foo")]
    [InlineData("growth --preset demo --device cpu --precision fp32 --work step/foo")]
    [InlineData("growth --preset demo --device cpu --precision fp32 --sizes x")]
    [InlineData("growth --preset demo --device cpu --precision fp32 --batches 0")]
    [InlineData("growth --preset demo --device cpu --precision fp32 --micro-batch -1")]
    [InlineData("training --preset demo --device cpu --precision fp32 --data {0}/missing")]
    [InlineData("training --preset demo --device cpu --precision fp32 --sustain-seconds 0")]
    [InlineData("run --device warp")]
    [InlineData("run --quick --device cpu --precision bf16")]
    [InlineData("growth --preset demo --device cpu --precision bf16")]
    [InlineData("list --preset none")]
    [InlineData("step --preset none --device cpu --precision fp32")]
    [InlineData("sample --preset demo --device cpu --precision fp32 --count 0")]
    [InlineData("trace --work sample --preset demo --device cpu --precision fp32 --count 0")]
    [InlineData("report {0}/missing.csv")]
    public void Bad_input_ends_with_code_2(string command) => Assert.Equal(2, Run(command));

    /// <summary>Not a page of help, in which it would be lost.</summary>
    [Theory]
    [InlineData("growth --device warp", "--device warp: expected one of cuda, cpu, simulator (benchmarks growth --help tells more)")]
    [InlineData("trace --objective edm", "--objective edm: expected one of scd, scd-guided, sct, ")]
    [InlineData("run --sustained perhaps", "--sustained perhaps: expected one of auto, on, off")]
    [InlineData("first-step --precision fp8", "--precision fp8: expected one of auto, bf16, fp32")]
    [InlineData("trace --batch many", "--batch many: expected a number (benchmarks trace --help tells more)")]
    [InlineData("growth --batches 1 x", "--batches x: expected a number")]
    [InlineData("frob", "'frob' is no verb: expected host, list, run, ")]
    [InlineData("trace --bogus", "--bogus")]
    [InlineData("growth --preset demo --device cpu --precision bf16", "--precision bf16 needs a GPU: --device cpu takes fp32")]
    public void What_is_wrong_is_one_line(string command, string line)
    {
        using var errors = new StringWriter();
        Assert.Equal(2, Run(command.Split(' '), errors));
        Assert.Contains(line, Assert.Single(errors.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Empty(told.ToString());
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>A row with its times multiplied.</summary>
    private static BenchmarkRow Times(BenchmarkRow row, double factor) => row with
    {
        Microseconds = factor * row.Microseconds,
        Low = factor * row.Low,
        High = factor * row.High,
        Rounds = MedianInterval.Format(MedianInterval.Parse(row.Rounds).Select(each => factor * each)),
    };

    /// <summary>Runs a verb; an underscore stands for the blank in a shape.</summary>
    private int RunWords(string command) => RunWords(command.Replace("{0}", folder, StringComparison.Ordinal).Split(' ').Select(word => word.StartsWith('/') ? word : word.Replace('_', ' ')));

    /// <summary>Runs a verb, its tables kept out of the tests' own output.</summary>
    private int Run(string command, params string[] more) => RunWords([.. command.Replace("{0}", folder, StringComparison.Ordinal).Split(' '), .. more]);

    private int RunWords(IEnumerable<string> words) => Run(words, TextWriter.Null);

    private int Run(IEnumerable<string> words, TextWriter toldErrors)
    {
        (TextWriter output, TextWriter errors) = (Console.Out, Console.Error);
        Console.SetOut(told);
        Console.SetError(toldErrors);
        try
        {
            return Verbs.Run([.. words]);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }

    private sealed record GrowthView
    {
        [CsvHelper.Configuration.Attributes.Name("work")]
        public string Work { get; init; } = "";

        [CsvHelper.Configuration.Attributes.Name("batch")]
        public int Batch { get; init; }

        [CsvHelper.Configuration.Attributes.Name("mparameters")]
        public double Mparameters { get; init; }

        [CsvHelper.Configuration.Attributes.Name("gflop_per_image")]
        public double Gflop { get; init; }

        [CsvHelper.Configuration.Attributes.Name("burst_ms")]
        public double? Milliseconds { get; init; }

        [CsvHelper.Configuration.Attributes.Name("burst_images_per_second")]
        public double? ImagesPerSecond { get; init; }

        [CsvHelper.Configuration.Attributes.Name("burst_tflops")]
        public double? Tflops { get; init; }

        [CsvHelper.Configuration.Attributes.Name("peak_gib")]
        public double? Gib { get; init; }

        [CsvHelper.Configuration.Attributes.Name("verdict")]
        public string Verdict { get; init; } = "";
    }

    private sealed record TimelineRowView
    {
        [CsvHelper.Configuration.Attributes.Name("op")]
        public string Op { get; init; } = "";

        [CsvHelper.Configuration.Attributes.Name("share_percent")]
        public double Share { get; init; }
    }
}
