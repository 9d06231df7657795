using System.CommandLine;
using System.Globalization;
using System.Text;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>training: trains from files for a minute and prints its rate beside that of the training step alone, with the loader's share.</summary>
internal static class TrialCommand
{
    private static readonly Option<string> Data = new("--data") { Description = "The images: whatever trigflow train takes.", DefaultValueFactory = _ => "synthetic" };
    private static readonly StepArguments Arguments = new();
    private static readonly SustainArguments Sustaining = new();
    private static readonly Option<string?> Out = Verbs.OutOption();

    public static Command Create()
    {
        var command = new Command("training", "Trains from files under sustained load, and prints the rate beside that of the step alone, of the step fed by the loader, and of the loader alone.") { Data, Out };
        Arguments.AddTo(command);
        Sustaining.AddDurationsTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        StepOptions options = Arguments.Options(parsed);
        SustainOptions durations = Sustaining.Durations(parsed);
        string data = parsed.GetValue(Data)!;
        using ComputeDevice device = Arguments.Open(parsed);
        var rows = new List<TrialRow>();
        double? alone = null;
        foreach (TrialPart part in new TrainingTrial(device, options, data, durations).Run())
        {
            alone ??= part.ImagesPerSecond;
            rows.Add(TrialRow.Of(part, alone.Value));
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{part.Name}: {part.ImagesPerSecond:F1} images/s"));
        }

        string title = $"{options.Preset}, {options.Objective}, batch {options.Batch}, {data}; {device.Description}";
        Console.WriteLine(title);
        Console.WriteLine(TrialRow.Table(rows));
        if (parsed.GetValue(Out) is not { } folder)
            return 0;
        CsvTable.Write(Path.Combine(folder, "training.csv"), rows);
        AtomicFile.WriteAllBytes(Path.Combine(folder, "training.md"), Encoding.UTF8.GetBytes($"{title}\n\n{TrialRow.Table(rows)}"));
        return 0;
    }
}
