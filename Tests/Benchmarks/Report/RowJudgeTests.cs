using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Timing;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Verdicts over simulated machines: processes that differ, some disturbed, whole runs a little off. Equal code raises no alarm, slower code is found.</summary>
public class RowJudgeTests
{
    private const int Rows = 57, Rounds = 5;

    /// <summary>
    /// Of 300 comparisons of equal code, each of 57 rows, as the verb makes them: rows that seem slower are measured in five further rounds. At most one in
    /// twenty may raise an alarm; the rates that the simulation gives are 0 to 2 %.
    /// </summary>
    [Theory]
    [InlineData(0.01, 0.02)]
    [InlineData(0.02, 0.05)]
    [InlineData(0.04, 0.05)]
    [InlineData(0.08, 0.05)]
    [InlineData(0.15, 0.10)]
    public void Equal_code_raises_an_alarm_in_fewer_than_one_run_of_twenty(double deviation, double disturbed)
    {
        var machine = new Simulated(1, deviation, disturbed);
        int alarms = Enumerable.Range(0, 300).Count(_ => machine.Compare(_ => 1).Length > 0);
        Assert.True(alarms <= 15, $"{alarms} of 300");
    }

    /// <summary>Three rows of 57 are 1.3 times as slow; on a machine whose processes differ by 4 % at least 85 % of them are found, and nearly no other.</summary>
    [Theory]
    [InlineData(0.01, 0.02, 0.95)]
    [InlineData(0.02, 0.05, 0.90)]
    [InlineData(0.04, 0.05, 0.85)]
    public void Code_that_is_slower_by_thirty_percent_is_found(double deviation, double disturbed, double share)
    {
        const int runs = 100;
        int[] slow = [3, 20, 50];
        var machine = new Simulated(2, deviation, disturbed);
        int[] found = [.. Enumerable.Range(0, runs).SelectMany(_ => machine.Compare(row => slow.Contains(row) ? 1.3 : 1))];
        Assert.InRange(found.Count(slow.Contains), share * slow.Length * runs, slow.Length * runs);
        Assert.InRange(found.Count(row => !slow.Contains(row)), 0, runs / 20);
    }

    [Fact]
    public void Faster_code_is_said_to_be_faster() =>
        Assert.Equal(RowVerdict.Faster, RowJudge.Judge(Row(130, 131, 132, 129, 130), Row(100, 101, 102, 99, 100)));

    [Theory]
    [InlineData(RowVerdict.Slower, 9, 12)] // by the graph's clock
    [InlineData(RowVerdict.TooShort, 1.5, 12)]
    public void A_graph_times_shorter_rows_than_the_host(RowVerdict verdict, double before, double now)
    {
        BenchmarkRow older = Row(before, before, before), newer = Row(now, now, now);
        Assert.Equal(RowVerdict.TooShort, RowJudge.Judge(older, newer));
        Assert.Equal(verdict, RowJudge.Judge(older with { Clock = "graph" }, newer with { Clock = "graph" }));
    }

    [Theory]
    [InlineData(1.11, RowVerdict.Same)]
    [InlineData(1.13, RowVerdict.Slower)]
    public void A_change_below_the_noise_floor_is_none(double ratio, RowVerdict verdict) =>
        Assert.Equal(verdict, RowJudge.Judge(Row(100, 100, 100), Row(100 * ratio, 100 * ratio, 100 * ratio)));

    [Fact]
    public void Intervals_that_overlap_show_no_change() =>
        Assert.Equal(RowVerdict.Same, RowJudge.Judge(Row(100, 100, 160), Row(155, 155, 155)));

    [Fact]
    public void A_table_that_scatters_raises_the_limit_of_every_row()
    {
        BenchmarkRow older = Row(100, 100, 100), newer = Row(120, 120, 120);
        Assert.Equal(RowVerdict.Slower, RowJudge.Judge(older, newer, usual: 0.05));
        Assert.Equal(RowVerdict.Same, RowJudge.Judge(older, newer, usual: 0.07));
    }

    /// <summary>A machine with other work is slower at everything, its own peaks included, which are measured in the same rounds.</summary>
    [Theory]
    [InlineData(50, 10, RowVerdict.Same)] // arithmetic at half the rate
    [InlineData(100, 5, RowVerdict.Same)] // memory at half the rate
    [InlineData(100, 10, RowVerdict.Slower)]
    [InlineData(90, 10, RowVerdict.Slower)]
    [InlineData(200, 20, RowVerdict.Slower)]
    public void A_machine_that_became_slower_is_no_regression(double gigaflops, double gigabytes, RowVerdict verdict)
    {
        BenchmarkRow older = Row(100, 101, 102) with { BestTflops = 0.1, CopyTbps = 0.01 }, newer = Row(150, 151, 152) with { BestTflops = gigaflops / 1e3, CopyTbps = gigabytes / 1e3 };
        Assert.Equal(verdict, RowJudge.Judge(older, newer));
    }

    /// <summary>Medians that doubled while the fastest runs are as fast as before: the machine was busy in most rounds.</summary>
    [Theory]
    [InlineData(101, RowVerdict.Same)]
    [InlineData(111, RowVerdict.Same)]
    [InlineData(150, RowVerdict.Slower)]
    public void The_fastest_runs_must_be_slower_too(double fastest, RowVerdict verdict)
    {
        Assert.Equal(verdict, RowJudge.Judge(Row(100, 102, 103) with { Low = 100 }, Row(200, 201, 202) with { Low = fastest }));
        Assert.Equal(verdict == RowVerdict.Same ? verdict : RowVerdict.Faster, RowJudge.Judge(Row(200, 201, 202) with { Low = fastest }, Row(100, 102, 103) with { Low = 100 }));
    }

    [Fact]
    public void Single_rounds_are_judged_within_a_graph_alone()
    {
        BenchmarkRow older = new() { Clock = "graph", Microseconds = 100, Low = 99, High = 101 }, newer = older with { Microseconds = 110, Low = 109, High = 111 };
        Assert.Equal(RowVerdict.Slower, RowJudge.Judge(older, newer));
        Assert.Equal(RowVerdict.NoIntervals, RowJudge.Judge(older with { Clock = "host" }, newer with { Clock = "host" }));
        Assert.Equal(RowVerdict.NoIntervals, RowJudge.Judge(older with { Clock = "benchmarkdotnet" }, Row(200, 200, 200)));
    }

    private static BenchmarkRow Row(params double[] rounds) => new()
    {
        Op = "gemm",
        Clock = "benchmarkdotnet",
        Verdict = BenchmarkRow.Right,
        Microseconds = Duration.Percentile([.. rounds.Order()], 0.5),
        Low = rounds.Min(),
        Rounds = MedianInterval.Format(rounds),
    };

    /// <summary>Runs of rounds with a lognormal deviation between processes, some of them disturbed by a factor of 1.2 to 3, and an offset of each run of 2 %.</summary>
    private sealed class Simulated(int seed, double deviation, double disturbed)
    {
        private const double RunDeviation = 0.02;
        private readonly Random random = new(seed);

        /// <summary>Returns the rows that are regressions in a run with a factor for each row, after those that seem so have been measured again.</summary>
        public int[] Compare(Func<int, double> factor)
        {
            (double before, double now) = (RunDeviation * Normal(), RunDeviation * Normal());
            BenchmarkRow[] older = [.. Enumerable.Range(0, Rows).Select(row => Measure(row, 1, before))], newer = [.. Enumerable.Range(0, Rows).Select(row => Measure(row, factor(row), now))];
            BenchmarkRow[] again = [.. new Comparison(older, newer).Regressions.Select(change => int.Parse(change.Newer.Shape, System.Globalization.CultureInfo.InvariantCulture)).Select(row => Measure(row, factor(row), now))];
            return again.Length == 0 ? [] : [.. new Comparison(older, RoundTable.Merge(newer, again)).Regressions.Select(change => int.Parse(change.Newer.Shape, System.Globalization.CultureInfo.InvariantCulture))];
        }

        private BenchmarkRow Measure(int row, double factor, double offset)
        {
            double time = 100 * (1 + row) * factor * Math.Exp(offset);
            return Row([.. Enumerable.Range(0, Rounds).Select(_ => time * Math.Exp(deviation * Normal()) * (random.NextDouble() < disturbed ? 1.2 + 1.8 * random.NextDouble() : 1))]) with { Shape = $"{row}" };
        }

        private double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
