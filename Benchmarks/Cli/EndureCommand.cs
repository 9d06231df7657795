using System.CommandLine;
using TrigFlowNative.Benchmarks.Endurance;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>endure: kills trainings, damages files and fills disks, and counts what is lost.</summary>
internal static class EndureCommand
{
    private static readonly string[] Everything = ["kill", "mutate", "disk"];
    private static readonly Option<string?> Trigflow = new("--trigflow") { Description = "The program trigflow, or its assembly; by default the one beside this program." };
    private static readonly Option<string> Device = Verbs.Choice("--device", "Device of the trainings.", "cpu", "cpu", "cuda");
    private static readonly Option<string[]> Objectives = new("--objectives")
    {
        Description = "Objectives of the trainings, which take turns; those that need no teacher.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["trigflow", "sct"],
    };

    private static readonly Option<int?> Kills = new("--kills") { Description = "Number of kills; 200 by default, with --quick 5." };
    private static readonly Option<int?> Steps = new("--steps") { Description = "Training steps of a run; 60 by default on the cpu, 800 on cuda." };
    private static readonly Option<long?> Mutants = new("--mutants") { Description = "Mutants of each format; 10,000 by default, with --quick 200." };
    private static readonly Option<string[]> Formats = new("--formats")
    {
        Description = $"Formats to mutate; all by default: {string.Join(", ", FileFormats.All.Select(each => each.Name))}.",
        AllowMultipleArgumentsPerToken = true,
    };

    private static readonly Option<double> Seconds = new("--seconds") { Description = "Maximum time of reading one mutant.", DefaultValueFactory = _ => 10 };
    private static readonly Option<double> Mebibytes = new("--mebibytes") { Description = "Maximum memory of reading one mutant, MiB.", DefaultValueFactory = _ => 1024 };
    private static readonly Option<bool> Quick = new("--quick") { Description = "Seconds instead of minutes: fewer kills, mutants and sizes." };
    private static readonly Option<ulong> Seed = new("--seed") { Description = "Seed of moments and mutants.", DefaultValueFactory = _ => 1 };
    private static readonly Option<double> Minutes = new("--minutes") { Description = "Minutes after which nothing new is begun.", DefaultValueFactory = _ => 24 * 60 };
    private static readonly Option<string?> Out = new("--out") { Description = "Folder for logs, and for runs and files that show a fault; a new temporary one by default." };
    private static readonly Option<long> First = new("--first") { Hidden = true };
    private static readonly Option<string> Log = new("--log") { Hidden = true };

    public static Command Create()
    {
        var command = new Command("endure", "Kills trainings, reads damaged files and fills disks; exit code 1 if a bit is lost or a program crashes.");
        foreach (string name in (string[])[.. Everything, "all"])
            command.Add(Trial(name));
        var reader = new Command(MutationTrial.Verb) { Formats, First, Mutants, Seed, Seconds, Mebibytes, Log };
        reader.Hidden = true;
        reader.SetAction(ReadMutants);
        command.Add(reader);
        return command;
    }

    private static Command Trial(string name)
    {
        var command = new Command(name, name switch
        {
            "kill" => "Kills a training process at random moments, and compares what the same command then makes with an uninterrupted run.",
            "mutate" => "Reads mutants of every file format: each must read, or be refused in one line.",
            "disk" => "Trains into file systems that run full, and continues when there is room.",
            _ => "All of them.",
        })
        {
            Trigflow, Device, Objectives, Kills, Steps, Mutants, Formats, Seconds, Mebibytes, Quick, Seed, Minutes, Out,
        };
        command.SetAction(parsed => Run(parsed, name == "all" ? Everything : [name]));
        return command;
    }

    private static int Run(ParseResult parsed, string[] trials)
    {
        string folder = parsed.GetValue(Out) ?? Directory.CreateTempSubdirectory("trigflow-endure-").FullName;
        bool quick = parsed.GetValue(Quick);
        var results = new List<TrialResult>();
        DateTime deadline = DateTime.UtcNow.AddMinutes(Positive(parsed, Minutes));
        FileFormat[] formats = parsed.GetValue(Formats) is { Length: > 0 } named ? [.. named.Select(FileFormats.Get)] : [.. FileFormats.All];
        Console.WriteLine($"logs and faults: {folder}");
        (int kills, long mutants) = (AtLeastOne(parsed, Kills) ?? (quick ? 5 : 200), AtLeastOne(parsed, Mutants) ?? (quick ? 200 : 10_000));
        foreach (string trial in trials)
        {
            string own = Path.Combine(folder, trial);
            if (Directory.Exists(own))
                throw new UsageException($"--out: {own} exists; choose another folder");
            Directory.CreateDirectory(own);
            results.Add(trial switch
            {
                "kill" => new KillTrial(Commands(parsed, own, quick), own, Console.Out).Run(kills, parsed.GetValue(Seed), deadline),
                "mutate" => new MutationTrial(Limits(parsed), own, Console.Out).Run(formats, mutants, deadline),
                _ => new DiskTrial(Commands(parsed, own, quick)[0], own, quick, Console.Out).Run(deadline),
            });
        }

        Console.WriteLine(TrialResult.Table(results));
        return results.All(each => each.IsSound) ? 0 : Verbs.BadResult;
    }

    private static TrainingCommand[] Commands(ParseResult parsed, string folder, bool quick)
    {
        ChildProgram program = ChildProgram.Trigflow(parsed.GetValue(Trigflow));
        string device = parsed.GetValue(Device)!, data = TrainingCommand.WriteData(folder);
        int steps = AtLeastOne(parsed, Steps) ?? (device == "cuda" ? 800 : quick ? 20 : 60);
        return [.. parsed.GetValue(Objectives)!.Select(objective => new TrainingCommand(program, objective, device, data, steps))];
    }

    private static MutantLimits Limits(ParseResult parsed) => new(parsed.GetValue(Seed), Positive(parsed, Seconds), Positive(parsed, Mebibytes));

    private static T? AtLeastOne<T>(ParseResult parsed, Option<T?> option)
        where T : struct, System.Numerics.INumber<T> =>
        parsed.GetValue(option) is { } value && value < T.One ? throw new UsageException($"{option.Name} is at least 1") : parsed.GetValue(option);

    private static double Positive(ParseResult parsed, Option<double> option) =>
        parsed.GetValue(option) is > 0 and < 1e6 and var value ? value : throw new UsageException($"{option.Name} is above 0");

    /// <summary>Reads mutants in this process, for the process that started it. A folder that one before left, since it was killed, is replaced.</summary>
    private static int ReadMutants(ParseResult parsed)
    {
        string path = parsed.GetValue(Log)!, work = path + ".work";
        if (Directory.Exists(work))
            Directory.Delete(work, recursive: true);
        Directory.CreateDirectory(work);
        using (var log = new MutantLog(path))
            MutantReader.Run(FileFormats.Get(parsed.GetValue(Formats)![0]), work, parsed.GetValue(First), parsed.GetValue(Mutants)!.Value, Limits(parsed), log);
        Directory.Delete(work, recursive: true);
        return 0;
    }
}
