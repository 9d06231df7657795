using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>Kills a training process again and again, starts the same command anew each time, and compares every finished run with an uninterrupted one, bit for bit.</summary>
/// <param name="commands">The trainings, which take turns.</param>
/// <param name="folder">Empty folder for the runs. A run that differs stays there.</param>
/// <param name="progress">Receives a line for each finished run.</param>
internal sealed class KillTrial(IReadOnlyList<TrainingCommand> commands, string folder, TextWriter progress)
{
    private int kills, inWrites, resumes, runs;
    private long lostBits;
    private readonly List<string> faults = [];

    /// <summary>Kills until the number is reached or the time is up, and finishes the run that was killed last.</summary>
    /// <param name="wanted">Number of kills.</param>
    /// <param name="seed">Seed of the moments.</param>
    /// <param name="deadline">Time after which no further kill is made.</param>
    public TrialResult Run(int wanted, ulong seed, DateTime deadline)
    {
        var random = new Random((int)seed);
        var clock = Stopwatch.StartNew();
        double[] lives = [.. commands.Select(command => Measure(command))];
        for (int run = 0; kills < wanted && DateTime.UtcNow < deadline && faults.Count == 0; run++)
        {
            int turn = run % commands.Count;
            string killed = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{commands[turn].Objective}-killed-{run}"));
            int before = kills;
            bool ended = false;
            while (!ended && kills < wanted && DateTime.UtcNow < deadline)
                ended = StartAndKill(commands[turn], killed, KillMoment.Draw(random, lives[turn]));
            if (!ended)
                ended = StartAndKill(commands[turn], killed, null);
            Compare(commands[turn], killed, kills - before);
        }

        progress.WriteLine();
        progress.WriteLine(new MarkdownTable("device", "objectives", "kills", "during a write", "resumed", "finished runs", "lost bits", "faults", "minutes").Add(
            commands[0].Device, string.Join(' ', commands.Select(command => command.Objective)), kills, inWrites, resumes, runs, lostBits, faults.Count, clock.Elapsed.TotalMinutes));
        return new TrialResult(
            "kill", string.Create(CultureInfo.InvariantCulture, $"{kills} kills on {commands[0].Device}, {inWrites} during a write; {runs} runs finished"),
            string.Create(CultureInfo.InvariantCulture, $"{lostBits} bits, {faults.Count} faults"), faults.Count == 0 && lostBits == 0 && runs > 0, clock.Elapsed.TotalMinutes);
    }

    private string Whole(TrainingCommand command) => Path.Combine(folder, command.Objective + "-whole");

    /// <summary>Makes the uninterrupted run; returns the seconds that its process lived.</summary>
    private double Measure(TrainingCommand command)
    {
        long start = Stopwatch.GetTimestamp();
        command.Complete(Whole(command));
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    /// <summary>Starts the command and kills it at a moment; without one it runs to its end. Returns whether it ended by itself.</summary>
    private bool StartAndKill(TrainingCommand command, string run, KillMoment? moment)
    {
        using Process process = Process.Start(command.Program.Start(command.In(run)))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        if (Directory.Exists(Path.Combine(run, "checkpoints")))
            resumes++;
        if (moment is { } at && at.WaitFor(process, run))
        {
            process.Kill();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                kills++;
                inWrites += KillMoment.IsWriting(run) ? 1 : 0; // a file whose writing was broken off is still there
                return false;
            }
        }

        if (!process.WaitForExit(TrainingCommand.Patience))
        {
            process.Kill();
            faults.Add($"{run}: did not end within {TrainingCommand.Patience}");
        }
        else if (process.ExitCode != 0)
        {
            faults.Add($"{run}: ended with {process.ExitCode}: {TrainingCommand.LastLine(errors.Result)}");
            File.WriteAllText(run + ".log", output.Result + errors.Result);
        }

        return true;
    }

    private void Compare(TrainingCommand command, string killed, int killsOfRun)
    {
        runs++;
        RunDifference difference = RunDifference.Between(Whole(command), killed);
        lostBits += difference.Bits;
        faults.AddRange(difference.Faults.Select(fault => $"{killed}: {fault}"));
        progress.WriteLine($"{command.Objective}: killed {killsOfRun} times, {difference.Bits} bits differ; {kills} kills so far");
        foreach (string fault in faults.Take(10))
            progress.WriteLine("  " + fault);
        if (faults.Count == 0)
            Directory.Delete(killed, recursive: true);
    }
}
