using System.Globalization;
using System.Numerics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>What two run folders differ in: bits of the model and of the training states, lines of metrics.csv.</summary>
/// <param name="Bits">Bits of tensors that differ or that one run lacks.</param>
/// <param name="Faults">A line for each file, tensor or step that differs.</param>
internal sealed record RunDifference(long Bits, IReadOnlyList<string> Faults)
{
    /// <summary>Columns of metrics.csv that time decides.</summary>
    private static readonly string[] Timed = ["images_per_second", "seconds"];

    /// <summary>Compares the files of a complete run with those of another one of the same configuration.</summary>
    public static RunDifference Between(string expected, string actual)
    {
        var faults = new List<string>();
        long bits = 0;
        foreach (string name in (IEnumerable<string>)["model.safetensors", .. States(expected).Union(States(actual))])
            bits += Tensors(Path.Combine(expected, name), Path.Combine(actual, name), name, faults);
        faults.AddRange(Metrics(Path.Combine(expected, "metrics.csv"), Path.Combine(actual, "metrics.csv")));
        return new RunDifference(bits, faults);
    }

    private static IEnumerable<string> States(string run) => !Directory.Exists(Path.Combine(run, "checkpoints")) ? []
        : Directory.EnumerateFiles(Path.Combine(run, "checkpoints"), "*.safetensors").Select(path => Path.Combine("checkpoints", Path.GetFileName(path)));

    private static long Tensors(string expected, string actual, string name, List<string> faults)
    {
        Dictionary<string, (string Kind, byte[] Bytes)> first = Read(expected, faults), second = Read(actual, faults);
        long bits = 0;
        foreach (string tensor in first.Keys.Union(second.Keys))
        {
            (string kind, byte[] bytes) = first.GetValueOrDefault(tensor, ("absent", []));
            (string otherKind, byte[] others) = second.GetValueOrDefault(tensor, ("absent", []));
            long differing = kind == otherKind ? bytes.Zip(others).Sum(pair => (long)BitOperations.PopCount((uint)(pair.First ^ pair.Second))) : 8L * Math.Max(bytes.Length, others.Length);
            bits += differing;
            if (differing > 0 || kind != otherKind)
                faults.Add(string.Create(CultureInfo.InvariantCulture, $"{name}: {tensor} differs in {differing} bits ({kind}, {otherKind})"));
        }

        return bits;
    }

    private static Dictionary<string, (string Kind, byte[] Bytes)> Read(string path, List<string> faults)
    {
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            return file.Entries.ToDictionary(entry => entry.Name, entry => ($"{entry.Type} {SafetensorsEntry.FormatShape(entry.Shape.AsSpan())}", file.ReadBytes(entry.Name)));
        }
        catch (InvalidFileException e)
        {
            faults.Add(e.Message);
            return [];
        }
    }

    /// <summary>Compares the text of all fields but the timed ones, and looks for steps that are missing, doubled or out of order.</summary>
    private static List<string> Metrics(string expected, string actual)
    {
        if (!File.Exists(actual))
            return ["metrics.csv is missing"];
        string[][] first = Rows(expected), second = Rows(actual);
        var faults = new List<string>();
        if (!first[0].SequenceEqual(second[0]))
            return [$"metrics.csv has the columns {string.Join(',', second[0])}, not {string.Join(',', first[0])}"];
        long[] steps = [.. second.Skip(1).Select(row => long.TryParse(row[0], CultureInfo.InvariantCulture, out long step) ? step : -1)];
        if (!steps.Zip(steps.Skip(1)).All(pair => pair.First < pair.Second))
            faults.Add($"metrics.csv: its steps are not in rising order: {string.Join(' ', steps)}");
        if (first.Length != second.Length)
            faults.Add($"metrics.csv has {second.Length - 1} lines, not {first.Length - 1}");
        int[] compared = [.. first[0].Index().Where(column => !Timed.Contains(column.Item)).Select(column => column.Index)];
        faults.AddRange(first.Zip(second).Skip(1)
            .Where(rows => rows.First.Length != rows.Second.Length || compared.Any(column => rows.First[column] != rows.Second[column]))
            .Select(rows => $"metrics.csv, step {rows.First[0]}: {string.Join(',', rows.Second)}, not {string.Join(',', rows.First)}"));
        return faults;
    }

    private static string[][] Rows(string path) => [.. File.ReadLines(path).Select(line => line.Split(','))];
}
