using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Tables;

/// <summary>Tidy CSV files: one record a line, a header, the invariant culture.</summary>
internal static class CsvTable
{
    private static readonly CsvConfiguration Written = new(CultureInfo.InvariantCulture) { NewLine = "\n" };

    /// <summary>Of files that others wrote, perhaps with other line ends and fewer columns.</summary>
    private static readonly CsvConfiguration Found = new(CultureInfo.InvariantCulture) { MissingFieldFound = null, HeaderValidated = null };

    public static void Write<T>(string path, IEnumerable<T> rows)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        AtomicFile.Write(path, file =>
        {
            using var writer = new CsvWriter(new StreamWriter(file, leaveOpen: true), Written);
            writer.WriteRecords(rows);
        });
    }

    /// <summary>The records of a file; columns that the record does not name are passed over, those that the file lacks are empty.</summary>
    /// <exception cref="UsageException">There is no such file, or it is no such table.</exception>
    public static IReadOnlyList<T> Read<T>(string path)
    {
        try
        {
            using var reader = new CsvReader(new StreamReader(path), Found);
            return [.. reader.GetRecords<T>()];
        }
        catch (CsvHelperException e)
        {
            throw new UsageException($"{path}: {e.Message.Split('\n')[0].Trim()}");
        }
        catch (FileNotFoundException)
        {
            throw new UsageException($"{path} is not there");
        }
    }
}
