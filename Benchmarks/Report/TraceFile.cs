using System.Text.Json;
using System.Text.Json.Nodes;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>
/// A timeline in the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing read: a track of launches, one of their passes and one
/// of their blocks.
/// </summary>
/// <remarks>
/// Launches follow one another without gaps, each as long as the time between its two marks. That time includes the marks, so a replay without them is shorter.
/// </remarks>
internal static class TraceFile
{
    private const int Process = 1, Passes = 1, Blocks = 2, Launches = 3;

    /// <summary>Writes the file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="title">The work and the device.</param>
    /// <param name="rows">The launches in order.</param>
    /// <param name="markMicroseconds">Time between two marks without a launch, in microseconds, which is part of every launch's time.</param>
    public static void Write(string path, string title, IReadOnlyList<TimelineRow> rows, double markMicroseconds)
    {
        var events = new JsonArray(Name("process_name", 0, title), Name("thread_name", Passes, "pass"), Name("thread_name", Blocks, "block"), Name("thread_name", Launches, "launches"));
        double[] starts = new double[rows.Count + 1];
        for (int i = 0; i < rows.Count; i++)
        {
            starts[i + 1] = starts[i] + rows[i].Microseconds;
            events.Add(Launch(rows[i], starts[i]));
        }

        AddRuns(events, Passes, rows, starts, row => row.Pass);
        AddRuns(events, Blocks, rows, starts, row => row.Block);
        var file = new JsonObject
        {
            ["traceEvents"] = events,
            ["displayTimeUnit"] = "ns",
            ["otherData"] = new JsonObject { ["title"] = title, ["mark_us"] = Math.Round(markMicroseconds, 3), ["launches"] = rows.Count },
        };
        AtomicFile.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(file));
    }

    private static JsonObject Launch(TimelineRow row, double start) => Complete(row.Op, Launches, start, row.Microseconds, new JsonObject
    {
        ["kernels"] = row.Kernels,
        ["layer"] = row.Layer,
        ["direction"] = row.Pass,
        ["shape"] = row.Shape,
        ["gflop"] = row.Gflop,
        ["mbytes"] = row.Megabytes,
        ["bound_us"] = row.BoundMicroseconds,
        ["bound_percent"] = row.BoundPercent,
    });

    /// <summary>Adds an event for each run of launches with the same name; none for an empty name.</summary>
    private static void AddRuns(JsonArray events, int track, IReadOnlyList<TimelineRow> rows, double[] starts, Func<TimelineRow, string> name)
    {
        for (int first = 0, end; first < rows.Count; first = end)
        {
            string run = name(rows[first]);
            for (end = first + 1; end < rows.Count && name(rows[end]) == run; end++)
            {
            }

            if (run.Length > 0)
                events.Add(Complete(run, track, starts[first], starts[end] - starts[first], new JsonObject { ["launches"] = end - first }));
        }
    }

    private static JsonObject Complete(string name, int track, double start, double duration, JsonObject arguments) => new()
    {
        ["name"] = name,
        ["ph"] = "X",
        ["pid"] = Process,
        ["tid"] = track,
        ["ts"] = Math.Round(start, 3),
        ["dur"] = Math.Round(duration, 3),
        ["args"] = arguments,
    };

    private static JsonObject Name(string what, int track, string name) =>
        new() { ["name"] = what, ["ph"] = "M", ["pid"] = Process, ["tid"] = track, ["args"] = new JsonObject { ["name"] = name } };
}
