using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>The text form of metrics.csv: a column for each fixed member of a row, and between them one for each named mean.</summary>
internal static class MetricsTable
{
    private static readonly CsvConfiguration Format = new(CultureInfo.InvariantCulture) { NewLine = "\n" };

    private static readonly (string Name, Func<MetricsRow, object> Value)[] Before =
        [(FixedColumns.Step, row => row.Step), (FixedColumns.Objective, row => row.Objective), (FixedColumns.KImg, row => row.KImg)];

    private static readonly (string Name, Func<MetricsRow, object> Value)[] After =
        [(FixedColumns.LearningRate, row => row.LearningRate), (FixedColumns.Skipped, row => row.Skipped), (FixedColumns.ImagesPerSecond, row => row.ImagesPerSecond)];

    /// <summary>Returns the names of the means of rows, in the order of their first occurrence.</summary>
    public static IReadOnlyList<string> MeansOf(IEnumerable<MetricsRow> rows) => [.. rows.SelectMany(row => row.Means.Keys).Distinct()];

    /// <summary>Creates a writer of lines.</summary>
    public static CsvWriter Writer(TextWriter text) => new(text, Format);

    /// <summary>Writes the header line.</summary>
    public static void WriteHeader(CsvWriter csv, IReadOnlyList<string> means)
    {
        foreach (string name in (IEnumerable<string>)[.. Before.Select(column => column.Name), .. means, .. After.Select(column => column.Name)])
            csv.WriteField(name);
        csv.NextRecord();
    }

    /// <summary>Writes a line; the field of a mean that the row lacks is empty.</summary>
    public static void WriteRow(CsvWriter csv, MetricsRow row, IReadOnlyList<string> means)
    {
        foreach ((_, Func<MetricsRow, object> value) in Before)
            csv.WriteField(value(row));
        foreach (string name in means)
            csv.WriteField(row.Means.TryGetValue(name, out double mean) ? (double?)mean : null);
        foreach ((_, Func<MetricsRow, object> value) in After)
            csv.WriteField(value(row));
        csv.NextRecord();
    }

    /// <summary>
    /// Reads the lines of a table. A line that cannot be read costs no other line. A last line without its end, which a kill leaves, is no damage, since
    /// the run continues from its state.
    /// </summary>
    public static MetricsContent Read(TextReader text)
    {
        string all = text.ReadToEnd();
        bool cut = all.Length > 0 && all[^1] != '\n';
        var rows = new List<MetricsRow>();
        int unreadable = 0;
        using var csv = new CsvReader(new StringReader(all), Format with { Mode = CsvMode.NoEscape, MissingFieldFound = null, BadDataFound = null });
        if (!csv.Read() || !csv.ReadHeader())
            return new MetricsContent(rows, 0);
        string[] header = csv.HeaderRecord!;
        if (FixedColumns.All.Any(name => header.Count(column => column == name) != 1) || header.Distinct(StringComparer.Ordinal).Count() != header.Length)
            return new MetricsContent(rows, 1 + all.Count(c => c == '\n')); // under a damaged header every number may stand in a wrong column
        while (csv.Read())
        {
            try
            {
                if (csv.Parser.Count == csv.HeaderRecord!.Length)
                    rows.Add(Row(csv));
                else
                    unreadable++;
            }
            catch (CsvHelperException)
            {
                unreadable++;
            }
        }

        return new MetricsContent(rows, cut && unreadable > 0 ? unreadable - 1 : unreadable);
    }

    private static MetricsRow Row(CsvReader csv)
    {
        string[] means = [.. csv.HeaderRecord!.Except(FixedColumns.All)];
        return new MetricsRow
        {
            Step = csv.GetField<long>(FixedColumns.Step),
            Objective = csv.GetField(FixedColumns.Objective) ?? "",
            KImg = csv.GetField<double>(FixedColumns.KImg),
            Means = means.Where(name => !string.IsNullOrEmpty(csv.GetField(name))).ToDictionary(name => name, name => csv.GetField<double>(name)),
            LearningRate = csv.GetField<double>(FixedColumns.LearningRate),
            Skipped = csv.GetField<long>(FixedColumns.Skipped),
            ImagesPerSecond = csv.GetField<double>(FixedColumns.ImagesPerSecond),
        };
    }
}

/// <summary>What a table of metrics holds.</summary>
/// <param name="Rows">The lines that can be read.</param>
/// <param name="Unreadable">Number of the others.</param>
internal sealed record MetricsContent(IReadOnlyList<MetricsRow> Rows, int Unreadable);
