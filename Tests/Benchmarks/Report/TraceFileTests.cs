using System.Text.Json;
using TrigFlowNative.Benchmarks.Report;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>A trace holds every launch once, end to end, and its tracks agree with the table.</summary>
public sealed class TraceFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Launches_lie_end_to_end_and_runs_of_a_name_are_one_event()
    {
        TimelineRow[] rows =
        [
            Row("conv2d.forward", "enc.block0.conv0", 10) with { Kernels = "Convolve n256", BoundMicroseconds = 8, BoundPercent = 80, Gflop = 2 },
            Row("groupnorm.tangent", "enc.block0.norm0", 5),
            Row("conv2d.forward", "enc.block1.conv0", 20),
            Row("conv2d.backward.x", "enc.block1.conv0", 30),
            Row("adam.update", "", 7),
        ];
        JsonElement[] events = Write(rows, mark: 1.5, out JsonElement root);
        Assert.Equal((1.5, 5), (root.GetProperty("otherData").GetProperty("mark_us").GetDouble(), root.GetProperty("otherData").GetProperty("launches").GetInt32()));
        Assert.Equal(["conv2d.forward 0+10", "groupnorm.tangent 10+5", "conv2d.forward 15+20", "conv2d.backward.x 35+30", "adam.update 65+7"], Track(events, "launches"));
        Assert.Equal(["forward 0+35", "backward 35+30", "update 65+7"], Track(events, "pass"));
        Assert.Equal(["enc.block0 0+15", "enc.block1 15+50"], Track(events, "block"));
        JsonElement first = events.First(each => Phase(each) == "X" && each.GetProperty("name").GetString() == "conv2d.forward").GetProperty("args");
        Assert.Equal(("Convolve n256", "enc.block0.conv0", "forward", 8.0, 80.0), (
            first.GetProperty("kernels").GetString(), first.GetProperty("layer").GetString(), first.GetProperty("direction").GetString(),
            first.GetProperty("bound_us").GetDouble(), first.GetProperty("bound_percent").GetDouble()));
    }

    [Fact]
    public void No_launches_are_an_empty_trace() => Assert.DoesNotContain(Write([], mark: 0, out _), each => Phase(each) == "X");

    public void Dispose() => folder.Dispose();

    private static TimelineRow Row(string op, string layer, double microseconds) => new() { Op = op, Layer = layer, Microseconds = microseconds };

    private static string? Phase(JsonElement each) => each.GetProperty("ph").GetString();

    /// <summary>Name, start and duration of each event of a track, in order of time.</summary>
    private static string[] Track(JsonElement[] events, string name)
    {
        int track = events.Single(each => Phase(each) == "M" && each.GetProperty("name").GetString() == "thread_name" && each.GetProperty("args").GetProperty("name").GetString() == name)
            .GetProperty("tid").GetInt32();
        return [.. events.Where(each => Phase(each) == "X" && each.GetProperty("tid").GetInt32() == track).OrderBy(each => each.GetProperty("ts").GetDouble())
            .Select(each => $"{each.GetProperty("name").GetString()} {each.GetProperty("ts").GetDouble()}+{each.GetProperty("dur").GetDouble()}")];
    }

    private JsonElement[] Write(TimelineRow[] rows, double mark, out JsonElement root)
    {
        string path = Path.Combine(folder.Path, "trace.json");
        TraceFile.Write(path, "a step", rows, mark);
        root = JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
        return [.. root.GetProperty("traceEvents").EnumerateArray()];
    }
}
