using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>One line of timeline.csv: one launch of a training step or of sampling, in order.</summary>
internal sealed record TimelineRow
{
    [Name("index")]
    public int Index { get; init; }

    /// <summary>Op and direction.</summary>
    [Name("op")]
    public string Op { get; init; } = "";

    [Name("layer")]
    public string Layer { get; init; } = "";

    /// <summary>The largest tensor that the step touches.</summary>
    [Name("shape")]
    public string Shape { get; init; } = "";

    [Name("us"), Format("0.##")]
    public double Microseconds { get; init; }

    [Name("share_percent"), Format("0.###")]
    public double SharePercent { get; init; }

    [Name("gflop"), Format("0.###")]
    public double Gflop { get; init; }

    [Name("mbytes"), Format("0.###")]
    public double Megabytes { get; init; }

    [Name("bound_us"), Format("0.##")]
    public double? BoundMicroseconds { get; init; }

    [Name("bound_percent"), Format("0.#")]
    public double? BoundPercent { get; init; }

    /// <summary>The kernels that it launches, each once; empty on devices without kernels.</summary>
    [Name("kernels")]
    public string Kernels { get; init; } = "";

    /// <summary>forward (and tangent), backward or update; empty where an op is none of them.</summary>
    [Ignore]
    public string Pass => Op.Contains("backward", StringComparison.Ordinal) ? "backward"
        : Op.StartsWith("adam", StringComparison.Ordinal) || Op.StartsWith("gradient-norm", StringComparison.Ordinal) || Op.StartsWith("radam", StringComparison.Ordinal) ? "update" : "forward";

    /// <summary>The block of the network, such as enc.32x32_block0; empty outside of one.</summary>
    [Ignore]
    public string Block => string.Join('.', Layer.Split('.').Take(2));

    /// <summary>Rows for the steps of a program.</summary>
    /// <param name="steps">The steps and their times.</param>
    /// <param name="ceilings">The yardsticks.</param>
    /// <param name="kernels">Names of the kernels that a step launches, where they are known.</param>
    public static IReadOnlyList<TimelineRow> Of(IReadOnlyList<StepTime> steps, Ceilings ceilings, IReadOnlyDictionary<ProgramStep, string>? kernels = null)
    {
        double total = steps.Sum(each => each.Seconds);
        return [.. steps.Select((each, index) => Row(each.Step, each.Seconds, index, total, ceilings) with { Kernels = kernels?.GetValueOrDefault(each.Step) ?? "" })];
    }

    /// <summary>Sums over groups of rows, the longest first: launches, time, share and how near the sum is to the sum of the bounds.</summary>
    public static string Table(IEnumerable<TimelineRow> rows, string header, Func<TimelineRow, string> key)
    {
        var table = new MarkdownTable(header, "launches", "us", "share %", "GFLOP", "MB", "bound us", "% of bound");
        foreach (IGrouping<string, TimelineRow> group in rows.GroupBy(key).OrderByDescending(group => group.Sum(row => row.Microseconds)))
        {
            double time = group.Sum(row => row.Microseconds), bound = group.Sum(row => row.BoundMicroseconds ?? double.NaN);
            table.Add(
                group.Key, group.Count(), time, group.Sum(row => row.SharePercent), group.Sum(row => row.Gflop), group.Sum(row => row.Megabytes),
                bound, 100 * bound / time);
        }

        return table.ToString();
    }

    private static TimelineRow Row(ProgramStep step, double seconds, int index, double total, Ceilings ceilings)
    {
        var cost = OpCost.Of(step);
        double bound = ceilings.Bound(cost.Flops, cost.Bytes);
        return new TimelineRow
        {
            Index = index,
            Op = step.Op,
            Layer = step.Layer,
            Shape = step.Writes.Concat(step.Reads).MaxBy(tensor => tensor.ByteCount)?.ToString() ?? "",
            Microseconds = 1e6 * seconds,
            SharePercent = 100 * seconds / total,
            Gflop = cost.Flops / 1e9,
            Megabytes = cost.Bytes / 1e6,
            BoundMicroseconds = double.IsNaN(bound) ? null : 1e6 * bound,
            BoundPercent = double.IsNaN(bound) || seconds <= 0 ? null : 100 * bound / seconds, // the host's clock may not have moved
        };
    }
}
