using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

public class TimelineRowTests
{
    private static readonly StepOptions Options = new("demo", "sct", 1, 0, Precision.Fp32);

    [Fact]
    public void Rows_share_the_time_and_know_their_bound()
    {
        using TrainingStep step = Options.Create(TestDevices.Get("cpu"), out _);
        ProgramStep product = step.ProgramSteps.First(each => each.Op == "conv2d.forward"), other = step.ProgramSteps.First(each => each.Op == "silu.tangent");
        IReadOnlyList<TimelineRow> rows = TimelineRow.Of([new(product, 3e-6), new(other, 1e-6)], new Ceilings(1e12, 1e12));
        Assert.Equal([75.0, 25.0], rows.Select(row => Math.Round(row.SharePercent, 9)));
        Assert.Equal(rows[0].Gflop * 1e3, rows[0].BoundMicroseconds!.Value, 6); // 1 TFLOP/s: 1 us for each million
        Assert.Null(TimelineRow.Of([new(product, 3e-6), new(other, 0)], new Ceilings(1e12, 1e12))[1].BoundPercent); // shorter than the host's clock can tell
        string table = TimelineRow.Table(rows, "op", row => row.Op);
        Assert.True(table.IndexOf("conv2d.forward", StringComparison.Ordinal) < table.IndexOf("silu.tangent", StringComparison.Ordinal));
    }
}
