using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Tables;

/// <summary>CSV files of records: a header, then a line for each record, numbers in the invariant culture.</summary>
internal static class CsvTable
{
    private static readonly CsvConfiguration Writing = new(CultureInfo.InvariantCulture) { NewLine = "\n" };

    /// <summary>Other programs write other line ends and may omit columns.</summary>
    private static readonly CsvConfiguration Reading = new(CultureInfo.InvariantCulture) { MissingFieldFound = null, HeaderValidated = null };

    /// <summary>Writes a file completely or not at all; creates its folder.</summary>
    public static void Write<T>(string path, IEnumerable<T> rows)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, file =>
        {
            using var writer = new CsvWriter(new StreamWriter(file, leaveOpen: true), Writing);
            writer.WriteRecords(rows);
        });
    }

    /// <summary>Reads a file. Columns that the record lacks are skipped; columns that the file lacks keep their default.</summary>
    /// <exception cref="UsageException">There is no such file, or its text is not a table of such records; the message is one line.</exception>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        try
        {
            using var reader = new CsvReader(new StreamReader(path), Reading);
            return [.. reader.GetRecords<T>()];
        }
        catch (CsvHelperException e)
        {
            throw new UsageException($"{path}: {e.Message.Split('\n')[0].Trim()}");
        }
        catch (FileNotFoundException)
        {
            throw new UsageException($"{path} does not exist");
        }
    }
}
