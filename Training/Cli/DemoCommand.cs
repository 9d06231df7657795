using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>demo: the main job in small. Trains a diffusion model on drawn shapes, distils it, samples both and compares them.</summary>
internal static class DemoCommand
{
    /// <summary>Name of the verb.</summary>
    public const string Verb = "demo";

    private const string Preset = "demo";
    private const int TeacherSteps = 32, GridCount = 64, Compared = 512;

    public static Command Create()
    {
        Option<string> output = PathOptions.Optional("--out", "Folder for everything the demo leaves.", Path.Combine("runs", "demo"));
        Option<string> device = CommandLine.DeviceOption();
        var command = new Command(Verb, "Trains, distils, samples and measures a small model on images it draws itself, in minutes on a CPU.") { output, device };
        command.SetAction(parsed => Run(parsed.GetValue(output)!, parsed.GetValue(device)!));
        return command;
    }

    private static int Run(string folder, string deviceName)
    {
        var clock = Stopwatch.StartNew();
        using ComputeDevice device = CommandLine.Open(deviceName);
        string teacherFolder = Path.Combine(folder, "teacher"), studentFolder = Path.Combine(folder, "student");
        string teacherFile = Path.Combine(teacherFolder, "model.safetensors");
        TrainingOutcome taught, distilled;
        using (var stop = new StopSignal()) // what follows the training has nothing to save: a signal ends it at once
        {
            taught = Trainer.Run(TrainOptions.Defaults("trigflow", Preset, ImageDataset.Synthetic, null, null), teacherFolder, device, stop.Token);
            if (!taught.Complete)
                return Stopped(stop);
            distilled = Trainer.Run(TrainOptions.Defaults("scd", Preset, ImageDataset.Synthetic, teacherFile, null), studentFolder, device, stop.Token);
            if (!distilled.Complete)
                return Stopped(stop);
        }

        MetricsLog.Join(Path.Combine(folder, "metrics.csv"), Path.Combine(teacherFolder, "metrics.csv"), Path.Combine(studentFolder, "metrics.csv"));
        LossPlot.Save(Path.Combine(folder, "loss.png"), "demo", MetricsLog.Read(Path.Combine(folder, "metrics.csv")));
        using TrigFlowModel teacher = TrigFlowModel.Load(teacherFile, device);
        using TrigFlowModel student = TrigFlowModel.Load(Path.Combine(studentFolder, "model.safetensors"), device);
        ByteImages left = ModelSampling.Draw(teacher, GridCount, TeacherSteps, seed: 0), right = ModelSampling.Draw(student, GridCount, 2, seed: 0);
        ImageGrid.WriteSideBySide(Path.Combine(folder, "grid.png"), [left, right]);
        PrintTable(teacher, student, taught, distilled);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{clock.Elapsed.TotalSeconds:F0} s in all. {Path.Combine(folder, "grid.png")}: left the diffusion model in {TeacherSteps} steps, right the consistency model in 2."));
        return 0;
    }

    private static int Stopped(StopSignal stop)
    {
        Console.WriteLine("stopped; the same command continues");
        return stop.ExitCode;
    }

    private static void PrintTable(TrigFlowModel teacher, TrigFlowModel student, TrainingOutcome taught, TrainingOutcome distilled)
    {
        Shape image = teacher.Network.Config.Image;
        DatasetSplit data = ImageDataset.Open(ImageDataset.Synthetic, image.H, image.C);
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumns("model", "trained for", "time", "sampling", "SW pixels", "SW pyramid");
        Row(table, "diffusion (teacher)", taught, teacher, TeacherSteps, data);
        Row(table, "consistency (sCD)", distilled, student, 1, data);
        Row(table, "consistency (sCD)", distilled, student, 2, data);
        table.AddRow(["real images", "", "", "", .. Distances(data, EvenSample.Of(data.Train, Compared))]);
        AnsiConsole.MarkupLine($"Sliced Wasserstein distance (SW) of {Compared} images to held-out images; lower is better.");
        AnsiConsole.Write(table);
    }

    private static void Row(Table table, string name, TrainingOutcome outcome, TrigFlowModel model, int steps, DatasetSplit data)
    {
        table.AddRow(
        [
            name, $"{outcome.Step} steps", outcome.Seconds > 0 ? string.Create(CultureInfo.InvariantCulture, $"{outcome.Seconds:F0} s") : "before",
            $"{steps} {(steps == 1 ? "step" : "steps")}", .. Distances(data, ModelSampling.Draw(model, Compared, steps, seed: 1)),
        ]);
    }

    /// <summary>The distances of the pixels and of the pyramid, which are the metric's first two values.</summary>
    private static IEnumerable<string> Distances(DatasetSplit data, ByteImages images) =>
        new SlicedWassersteinMetric().Measure(EvenSample.Of(data.HeldOut, Compared), images).Take(2).Select(value => value.Value.ToString("F4", CultureInfo.InvariantCulture));
}
