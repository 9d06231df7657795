using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>A column of BenchmarkDotNet's summary, computed from a case and its median time.</summary>
/// <param name="name">Header of the column.</param>
/// <param name="rate">Computes the value from a case and its seconds; null for an empty cell.</param>
internal sealed class RateColumn(string name, Func<HostRun, double, double?> rate) : IColumn
{
    public string Id => $"{nameof(RateColumn)}.{name}";

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => $"{name}, of the median time";

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        double? value = summary[benchmarkCase]?.ResultStatistics is { } statistics
            ? rate((HostRun)benchmarkCase.Parameters[nameof(HostBenchmark.Case)], statistics.Median * 1e-9)
            : null;
        return value is { } number && double.IsFinite(number) ? number.ToString("G4", CultureInfo.InvariantCulture) : "-";
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public bool IsAvailable(Summary summary) => true;
}
