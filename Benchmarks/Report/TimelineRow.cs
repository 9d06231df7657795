using CsvHelper.Configuration.Attributes;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>A line of timeline.csv: a launch of a training step or of sampling, in order.</summary>
internal sealed record TimelineRow
{
    private static readonly string[] Updates = ["adam", "exponential-average", "gradient-norm", "radam", "weight-norm"];

    [Name("index")]
    public int Index { get; init; }

    /// <summary>Op and pass, such as conv2d.forward.</summary>
    [Name("op")]
    public string Op { get; init; } = "";

    [Name("layer")]
    public string Layer { get; init; } = "";

    /// <summary>Shape and type of the largest tensor that the step reads or writes.</summary>
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

    /// <summary>The kernels that the step launches, each once; empty on a device without kernels.</summary>
    [Name("kernels")]
    public string Kernels { get; init; } = "";

    /// <summary>The pass: forward (with the tangent), backward or update.</summary>
    [Ignore]
    public string Pass => Op.Contains("backward", StringComparison.Ordinal) || Op == "weight-norm.gains" ? "backward"
        : Updates.Any(op => Op.StartsWith(op, StringComparison.Ordinal)) ? "update" : "forward";

    /// <summary>The first two parts of the layer's name, which name a block such as enc.32x32_block0; empty outside a layer.</summary>
    [Ignore]
    public string Block => string.Join('.', Layer.Split('.').Take(2));

    /// <summary>Makes the rows of a program's steps.</summary>
    /// <param name="steps">The steps with their times, in order.</param>
    /// <param name="ceilings">The device's ceilings.</param>
    /// <param name="kernels">Names of the kernels that each step launches; null if they are unknown.</param>
    public static IReadOnlyList<TimelineRow> Of(IReadOnlyList<StepTime> steps, Ceilings ceilings, IReadOnlyDictionary<ProgramStep, string>? kernels = null)
    {
        double total = steps.Sum(each => each.Seconds);
        return [.. steps.Select((each, index) => Row(each.Step, each.Seconds, index, total, ceilings) with { Kernels = kernels?.GetValueOrDefault(each.Step) ?? "" })];
    }

    /// <summary>Returns a table of sums over groups of rows, in descending order of time: launches, time, its share, and the bounds' share of it.</summary>
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
            BoundPercent = double.IsNaN(bound) || seconds <= 0 ? null : 100 * bound / seconds, // 0 where the step was shorter than a tick of the host's clock
        };
    }
}
