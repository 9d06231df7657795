using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>metrics.csv of a run. A resumed run first drops the lines past its checkpoint, so that no step stands there twice.</summary>
public sealed class MetricsLog : IDisposable
{
    private static readonly CsvConfiguration Format = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
    private readonly StreamWriter stream;
    private readonly CsvWriter csv;

    /// <summary>Opens the log for appending after a step.</summary>
    /// <param name="path">The file; made if it is missing.</param>
    /// <param name="lastStep">The checkpoint's step; later lines, and one cut short by a kill, are dropped.</param>
    public MetricsLog(string path, long lastStep)
    {
        List<MetricsRow> kept = [.. Read(path).Where(row => row.Step <= lastStep)];
        AtomicFile.Write(path, file => WriteAll(file, kept));
        Rows = kept;
        stream = new StreamWriter(path, append: true);
        csv = new CsvWriter(stream, Format);
    }

    /// <summary>All lines of the run so far.</summary>
    public List<MetricsRow> Rows { get; }

    /// <summary>Appends a line and hands it to the operating system.</summary>
    public void Append(MetricsRow row)
    {
        Rows.Add(row);
        csv.WriteRecord(row);
        csv.NextRecord();
        csv.Flush();
        stream.Flush();
    }

    /// <summary>The whole lines of a log, none if there is no file; reading stops at a line cut short.</summary>
    public static IReadOnlyList<MetricsRow> Read(string path)
    {
        var rows = new List<MetricsRow>();
        if (!File.Exists(path))
            return rows;
        using var reader = new CsvReader(new StreamReader(path), Format);
        try
        {
            if (reader.Read() && reader.ReadHeader())
                while (reader.Read())
                    rows.Add(reader.GetRecord<MetricsRow>());
        }
        catch (CsvHelperException)
        {
            // The tail of a killed run; the checkpoint is what counts.
        }

        return rows;
    }

    /// <summary>Writes the lines of several logs into one.</summary>
    public static void Join(string path, params IEnumerable<string> logs)
    {
        List<MetricsRow> rows = [.. logs.SelectMany(Read)];
        AtomicFile.Write(path, file => WriteAll(file, rows));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        csv.Dispose();
        stream.Dispose();
    }

    private static void WriteAll(Stream file, IEnumerable<MetricsRow> rows)
    {
        using var writer = new CsvWriter(new StreamWriter(file, leaveOpen: true), Format);
        writer.WriteRecords(rows);
    }
}
