using CsvHelper;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>The log metrics.csv of a run. A resumed run first drops the lines after its state, so that no step appears twice.</summary>
public sealed class MetricsLog : IDisposable
{
    private readonly string path;
    private IReadOnlyList<string> means;
    private StreamWriter stream;
    private CsvWriter csv;

    /// <summary>Opens the log to append lines after a step.</summary>
    /// <param name="path">The file, created if it is missing.</param>
    /// <param name="lastStep">Step of the training state. Later lines are dropped, and so is a line cut short by a kill.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public MetricsLog(string path, long lastStep)
    {
        this.path = path;
        MetricsContent content = Content(path);
        if (content.Unreadable > 0)
            SetAside = $"{path}: {content.Unreadable} {(content.Unreadable == 1 ? "line" : "lines")} cannot be read; a copy is kept as {KeepCopy(path, ".damaged")}";
        else if (lastStep == 0 && content.Rows.Count > 0)
            SetAside = $"{path}: its {content.Rows.Count} lines are of a run whose states are gone; a copy is kept as {KeepCopy(path, ".before")}";
        Rows = [.. content.Rows.Where(row => row.Step <= lastStep)];
        means = MetricsTable.MeansOf(Rows);
        (stream, csv) = Begin();
    }

    /// <summary>Says that the file held lines that cannot be read or are not of this run, and where a copy of it lies; null if there were none.</summary>
    public string? SetAside { get; }

    /// <summary>All lines of the run so far.</summary>
    public List<MetricsRow> Rows { get; }

    /// <summary>Appends a line and flushes it to the operating system; a mean with a new name adds a column to the file.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Append(MetricsRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        Rows.Add(row);
        if (row.Means.Keys.Except(means).Any())
        {
            Dispose();
            means = MetricsTable.MeansOf(Rows);
            (stream, csv) = Begin();
            return;
        }

        MetricsTable.WriteRow(csv, row, means);
        csv.Flush();
        stream.Flush();
    }

    /// <summary>Reads the lines of a log, none if there is no file. Lines that cannot be read are passed over.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<MetricsRow> Read(string path) => Content(path).Rows;

    /// <summary>Writes the lines of several logs into one file.</summary>
    /// <param name="path">File to write.</param>
    /// <param name="logs">Logs to read, in order.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static void Join(string path, params IEnumerable<string> logs)
    {
        List<MetricsRow> rows = [.. logs.SelectMany(Read)];
        AtomicFile.Write(path, file => WriteAll(file, rows, MetricsTable.MeansOf(rows)));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        csv.Dispose();
        stream.Dispose();
    }

    private static MetricsContent Content(string path)
    {
        if (!File.Exists(path))
            return new MetricsContent([], 0);
        using var text = new StreamReader(InputFile.Open(path));
        return MetricsTable.Read(text);
    }

    /// <summary>Copies the file beside itself and returns the copy's name.</summary>
    private static string KeepCopy(string path, string suffix)
    {
        AtomicFile.Write(path + suffix, stream =>
        {
            using FileStream original = InputFile.Open(path);
            original.CopyTo(stream);
        });
        return Path.GetFileName(path) + suffix;
    }

    private (StreamWriter Stream, CsvWriter Csv) Begin()
    {
        AtomicFile.Write(path, file => WriteAll(file, Rows, means));
        var writer = new StreamWriter(path, append: true);
        return (writer, MetricsTable.Writer(writer));
    }

    private static void WriteAll(Stream file, IEnumerable<MetricsRow> rows, IReadOnlyList<string> means)
    {
        using CsvWriter writer = MetricsTable.Writer(new StreamWriter(file, leaveOpen: true));
        MetricsTable.WriteHeader(writer, means);
        foreach (MetricsRow row in rows)
            MetricsTable.WriteRow(writer, row, means);
    }
}
