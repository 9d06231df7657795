using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>
/// Trains into file systems of many sizes and numbers of inodes, so that each file that a run writes meets a full disk. The run must end with exit code 2
/// and a line that names file and reason, its states and model must stay whole, and with more room the same command must end with the bits of an
/// uninterrupted run.
/// </summary>
/// <param name="command">The training.</param>
/// <param name="folder">Empty folder for the runs and the mount.</param>
/// <param name="quick">Whether few sizes are tried.</param>
/// <param name="progress">Receives a line for each size with a fault, and a table.</param>
internal sealed class DiskTrial(TrainingCommand command, string folder, bool quick, TextWriter progress)
{
    private const int FirstPages = 6, LastPages = 24, MaxInodes = 40;
    private readonly SortedDictionary<string, int> filled = new(StringComparer.Ordinal);
    private readonly List<string> faults = [];
    private TrainingCommand trained = command;
    private int full, enough;
    private long lostBits;
    private string whole = "";

    /// <summary>Tries sizes until the deadline.</summary>
    public TrialResult Run(DateTime deadline)
    {
        var clock = Stopwatch.StartNew();
        Begin(trained);
        long upper = 2 * Directory.EnumerateFiles(whole, "*", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length / Room.PageBytes + 1);
        long tooSmall = 0, large = upper;
        if (!quick)
        {
            // The least size that suffices is found by halving, which tries many sizes on the way.
            while (large - tooSmall > 1 && DateTime.UtcNow < deadline)
            {
                long middle = (tooSmall + large) / 2;
                if (Try(Room.Ample with { Pages = middle }))
                    large = middle;
                else
                    tooSmall = middle;
            }
        }

        IEnumerable<long> pages = quick ? [2, upper / 3]
            : Enumerable.Range(1, FirstPages).Select(each => (long)each).Concat(Enumerable.Range(1, LastPages / 2).Select(each => tooSmall - 2 * each).Where(each => each > FirstPages));
        IEnumerable<long> inodes = quick ? [7] : Enumerable.Range(2, MaxInodes).Select(each => (long)each);
        if (!quick && DateTime.UtcNow < deadline)
            FillAtTheEnd();
        foreach (Room room in pages.Select(each => Room.Ample with { Pages = each }).Concat(inodes.Select(each => Room.Ample with { Inodes = each })))
        {
            if (DateTime.UtcNow > deadline || (Try(room) && room.Inodes < Room.Ample.Inodes))
                break; // more inodes than enough show nothing
        }

        if (!quick && DateTime.UtcNow < deadline)
        {
            // Before the first state a grid is the largest file, so that it meets a disk that is nearly full from the start.
            Begin(trained with { DrawsGrids = true });
            foreach (long each in (long[])[2, 3, 4, 6])
                Try(Room.Ample with { Pages = each });
        }

        progress.WriteLine();
        progress.WriteLine($"files that met a full disk: {string.Join(", ", filled.Select(each => $"{each.Key} ({each.Value})"))}");
        progress.WriteLine(new MarkdownTable("device", "full disks", "large enough", "lost bits", "faults").Add(trained.Device, full, enough, lostBits, faults.Count));
        return new TrialResult(
            "disk", string.Create(CultureInfo.InvariantCulture, $"{full} full disks on {trained.Device}, {filled.Count} kinds of files"),
            string.Create(CultureInfo.InvariantCulture, $"{lostBits} bits, {faults.Count} faults"), faults.Count == 0 && lostBits == 0 && full > 0, clock.Elapsed.TotalMinutes);
    }

    /// <summary>Makes the uninterrupted run of a training that is then tried.</summary>
    private void Begin(TrainingCommand training)
    {
        (trained, whole) = (training, Path.Combine(folder, training.DrawsGrids ? "whole-grids" : "whole"));
        trained.Complete(whole);
    }

    /// <summary>Trains with little room, then with ample room. Returns whether the little room was enough.</summary>
    private bool Try(Room room)
    {
        string mount = Path.Combine(folder, "disk"), run = Path.Combine(mount, "run");
        Directory.CreateDirectory(mount);
        using SmallFileSystem disk = SmallFileSystem.Mount(mount, room);
        ChildOutcome outcome = trained.Program.Run(TrainingCommand.Patience, trained.In(run));
        bool completed = outcome.ExitCode == 0;
        if (completed)
        {
            enough++;
            Compare(room, run);
            return true;
        }

        full++;
        CheckMessage(room, outcome, mount);
        CheckFiles(room, run);
        disk.Resize(Room.Ample);
        Continue(room, run);
        return false;
    }

    /// <summary>Runs the command again, with room, and compares the run with the uninterrupted one.</summary>
    private void Continue(Room room, string run)
    {
        ChildOutcome outcome = trained.Program.Run(TrainingCommand.Patience, trained.In(run));
        if (outcome.ExitCode != 0)
            AddFault(room, $"with room the command ended with {outcome.ExitCode}: {TrainingCommand.LastLine(outcome.Errors)}");
        Compare(room, run);
    }

    private void Compare(Room room, string run)
    {
        RunDifference difference = RunDifference.Between(whole, run);
        lostBits += difference.Bits;
        foreach (string fault in difference.Faults)
            AddFault(room, fault);
    }

    /// <summary>
    /// Fills the disk as another program would when the last state has been written, so that what follows a training, the plot of its loss, meets a full disk.
    /// </summary>
    private void FillAtTheEnd()
    {
        string mount = Path.Combine(folder, "disk"), run = Path.Combine(mount, "run"), filler = Path.Combine(mount, "filler");
        string last = Path.GetRelativePath(whole, Directory.GetFiles(Path.Combine(whole, "checkpoints"), "*.safetensors").Max(StringComparer.Ordinal)!);
        using SmallFileSystem disk = SmallFileSystem.Mount(mount, Room.Ample with { Pages = 1 << 13 });
        using Process process = Process.Start(trained.Program.Start(trained.In(run)))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        while (!process.HasExited && !File.Exists(Path.Combine(run, last)))
            Thread.Sleep(0);
        Fill(filler);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            full++;
            CheckMessage(Room.Ample, new ChildOutcome(process.ExitCode, output.Result, errors.Result), mount);
            CheckFiles(Room.Ample, run);
        }

        File.Delete(filler);
        Continue(Room.Ample, run);
    }

    private static void Fill(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            byte[] part = new byte[16 * Room.PageBytes]; // what does not fit whole is written as far as it does
            while (true)
                stream.Write(part);
        }
        catch (IOException)
        {
            // The disk is full.
        }
    }

    private void CheckMessage(Room room, ChildOutcome outcome, string mount)
    {
        string last = TrainingCommand.LastLine(outcome.Errors);
        Match file = Regex.Match(last, Regex.Escape(mount) + "/run/?(?<file>[^'\" :]*)", RegexOptions.None, TimeSpan.FromSeconds(1));
        string name = Regex.Replace(file.Groups["file"].Value.Replace(AtomicFile.TemporarySuffix, "", StringComparison.Ordinal), "[0-9]{4,}", "N", RegexOptions.None, TimeSpan.FromSeconds(1));
        string met = !file.Success ? "not named" : name.Length > 0 ? name : "the folder";
        filled[met] = filled.GetValueOrDefault(met) + 1;
        if (outcome.ExitCode != 2 || !last.StartsWith("trigflow: ", StringComparison.Ordinal) || !file.Success || !last.Contains("space", StringComparison.OrdinalIgnoreCase)
            || outcome.Errors.Contains("   at ", StringComparison.Ordinal))
            AddFault(room, $"exit code {outcome.ExitCode}, expected 2 and a line with file and reason: {last}");
    }

    /// <summary>Every state and model that is there must be whole.</summary>
    private void CheckFiles(Room room, string run)
    {
        if (!Directory.Exists(run))
            return;
        foreach (string path in Directory.EnumerateFiles(run, "*.safetensors", SearchOption.AllDirectories))
        {
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
                file.VerifyChecksum();
            }
            catch (InvalidFileException e)
            {
                AddFault(room, e.Message);
            }
        }
    }

    private void AddFault(Room room, string fault)
    {
        faults.Add(fault);
        progress.WriteLine($"  {room}: {fault}");
    }
}
