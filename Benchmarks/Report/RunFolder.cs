using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Report;

/// <summary>The files of a run.</summary>
internal static class RunFolder
{
    public const string Table = "benchmarks.csv";

    /// <summary>Writes the table as CSV and Markdown, and what the kernels take of a multiprocessor.</summary>
    public static void Write(string folder, IReadOnlyList<BenchmarkRow> rows, ComputeDevice device)
    {
        CsvTable.Write(Path.Combine(folder, Table), rows);
        AtomicFile.WriteAllBytes(Path.Combine(folder, "benchmarks.md"), Encoding.UTF8.GetBytes(RowTables.Full(rows)));
        CsvTable.Write(Path.Combine(folder, "resources.csv"), KernelResources.Of(device)); // last: a kernel that failed may have taken the device with it
    }
}
