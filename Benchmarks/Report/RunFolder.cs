using System.Text;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>The files of a run: the table as CSV, Markdown and JSON, a roofline and a chart against the peers.</summary>
internal static class RunFolder
{
    public const string Table = "benchmarks.csv";

    /// <summary>Writes all that the rows give; pictures only of what there is.</summary>
    public static void Write(string folder, IReadOnlyList<BenchmarkRow> rows)
    {
        CsvTable.Write(Path.Combine(folder, Table), rows);
        JsonTable.Write(Path.Combine(folder, "benchmarks.json"), BenchmarkRow.CurrentSchema, rows);
        AtomicFile.WriteAllBytes(Path.Combine(folder, "benchmarks.md"), Encoding.UTF8.GetBytes(RowTables.Summary(rows) + "\n" + RowTables.Full(rows)));
        string device = rows.Count > 0 ? rows[0].Device : "";
        RooflinePlot.Save(Path.Combine(folder, "roofline.png"), device, rows);
        PeerPlot.Save(Path.Combine(folder, "peers.png"), device, rows);
    }

    /// <summary>Writes the table as far as it is: a run that is stopped loses no row that it has told of.</summary>
    public static void WriteSoFar(string folder, IEnumerable<BenchmarkRow> rows) => CsvTable.Write(Path.Combine(folder, Table), rows);

    /// <summary>Writes what the kernels that a device has loaded take of a multiprocessor.</summary>
    public static void WriteResources(string folder, ComputeDevice device) => CsvTable.Write(Path.Combine(folder, "resources.csv"), KernelResources.Of(device));
}
