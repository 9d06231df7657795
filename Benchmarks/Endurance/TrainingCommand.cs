using System.Globalization;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>The training whose interruption is tried: a short run of trigflow that writes training states often.</summary>
/// <param name="Program">The program trigflow.</param>
/// <param name="Objective">The objective; one that needs no teacher.</param>
/// <param name="Device">cpu or cuda.</param>
/// <param name="Data">Data set.</param>
/// <param name="Steps">Training steps of the whole run.</param>
internal sealed record TrainingCommand(ChildProgram Program, string Objective, string Device, string Data, int Steps)
{
    /// <summary>Data set in CIFAR's format that <see cref="WriteData"/> writes.</summary>
    public const string DataFile = "data_batch_1.bin";

    /// <summary>Whether a grid of samples is drawn before each state, of which there are two; otherwise there are eight states and no grids.</summary>
    public bool DrawsGrids { get; init; }

    private const int Batch = 8, Images = 40, States = 8, Lines = 20;

    /// <summary>Time after which a run that has not ended counts as hanging.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    /// <summary>Returns the arguments of a run in a folder.</summary>
    public IEnumerable<string> In(string folder) =>
    [
        "train", "--objective", Objective, "--data", Data, "--preset", "demo", "--out", folder, "--device", Device, "--seed", "5", "--batch", Text(Batch), "--images", Text(Batch * Steps),
        "--set", $"checkpoint_every={Text(Interval)}", $"sample_every={Text(DrawsGrids ? Math.Max(1, Interval - 1) : 0)}", $"log_every={Text(Math.Max(1, Steps / Lines))}", "dropout=0.1",
        .. Device == "cpu" ? (IEnumerable<string>)["model_channels=8", "channel_mult=[1,2]", "micro_batch=4"] : [],
    ];

    private int Interval => Math.Max(1, Steps / (DrawsGrids ? 2 : States));

    /// <summary>Runs in a folder to the end.</summary>
    /// <exception cref="UsageException">The run fails, so that nothing can be compared with it.</exception>
    public void Complete(string folder)
    {
        ChildOutcome outcome = Program.Run(Patience, In(folder));
        if (outcome.ExitCode != 0)
            throw new UsageException($"an uninterrupted run ended with {outcome.ExitCode}: {LastLine(outcome.Errors)}");
    }

    /// <summary>Writes a data set that is read in no time, and returns its path.</summary>
    public static string WriteData(string folder)
    {
        string path = Path.Combine(folder, DataFile);
        File.WriteAllBytes(path, NoiseImages.Cifar(Images));
        return path;
    }

    /// <summary>The last line of an output that is not blank.</summary>
    public static string LastLine(string output) => output.Split('\n').LastOrDefault(line => !string.IsNullOrWhiteSpace(line))?.Trim() ?? "";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
