using System.Text;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>The files of a run: its rows as CSV, Markdown and JSON, a roofline, and a chart of the peers.</summary>
internal static class RunFolder
{
    /// <summary>Name of the CSV file.</summary>
    public const string Table = "benchmarks.csv";

    /// <summary>Writes the files. A picture without rows is left out.</summary>
    public static void Write(string folder, IReadOnlyList<BenchmarkRow> rows)
    {
        CsvTable.Write(Path.Combine(folder, Table), rows);
        JsonTable.Write(Path.Combine(folder, "benchmarks.json"), BenchmarkRow.CurrentSchema, rows);
        AtomicFile.WriteAllBytes(Path.Combine(folder, "benchmarks.md"), Encoding.UTF8.GetBytes(RowTables.Machines(rows) + "\n" + RowTables.Summary(rows) + "\n" + RowTables.Full(rows)));
        string device = rows.Count > 0 ? rows[0].Device : "";
        RooflinePlot.Save(Path.Combine(folder, "roofline.png"), device, rows);
        PeerPlot.Save(Path.Combine(folder, "peers.png"), device, rows);
    }

    /// <summary>Writes the rows measured so far, so that a stopped run keeps every row that it has printed.</summary>
    public static void WriteSoFar(string folder, IEnumerable<BenchmarkRow> rows) => CsvTable.Write(Path.Combine(folder, Table), rows);

    /// <summary>Writes the resources of the kernels that a device has loaded.</summary>
    public static void WriteResources(string folder, ComputeDevice device) => CsvTable.Write(Path.Combine(folder, "resources.csv"), KernelResources.Of(device));
}
