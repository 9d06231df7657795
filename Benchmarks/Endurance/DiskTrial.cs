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
    private int full, enough;
    private long lostBits;

    private string Whole => Path.Combine(folder, "whole");

    /// <summary>Tries sizes until the deadline.</summary>
    /// <returns>Whether nothing was lost and the disk did run full.</returns>
    public bool Run(DateTime deadline)
    {
        command.Complete(Whole);
        long upper = 2 * Directory.EnumerateFiles(Whole, "*", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length / Room.PageBytes + 1);
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
        foreach (Room room in pages.Select(each => Room.Ample with { Pages = each }).Concat(inodes.Select(each => Room.Ample with { Inodes = each })))
        {
            if (DateTime.UtcNow > deadline || (Try(room) && room.Inodes < Room.Ample.Inodes))
                break; // more inodes than enough show nothing
        }

        progress.WriteLine();
        progress.WriteLine($"files that met a full disk: {string.Join(", ", filled.Select(each => $"{each.Key} ({each.Value})"))}");
        progress.WriteLine(new MarkdownTable("device", "full disks", "large enough", "lost bits", "faults").Add(command.Device, full, enough, lostBits, faults.Count));
        return faults.Count == 0 && lostBits == 0 && full > 0;
    }

    /// <summary>Trains with little room, then with ample room. Returns whether the little room was enough.</summary>
    private bool Try(Room room)
    {
        string mount = Path.Combine(folder, "disk"), run = Path.Combine(mount, "run");
        Directory.CreateDirectory(mount);
        using SmallFileSystem disk = SmallFileSystem.Mount(mount, room);
        ChildOutcome outcome = command.Program.Run(TrainingCommand.Patience, command.In(run));
        bool completed = outcome.ExitCode == 0;
        if (completed)
        {
            enough++;
        }
        else
        {
            full++;
            CheckMessage(room, outcome, mount);
            CheckFiles(room, run);
            disk.Resize(Room.Ample);
            outcome = command.Program.Run(TrainingCommand.Patience, command.In(run));
        }

        if (outcome.ExitCode != 0)
            AddFault(room, $"with room the command ended with {outcome.ExitCode}: {TrainingCommand.LastLine(outcome.Errors)}");
        RunDifference difference = RunDifference.Between(Whole, run);
        lostBits += difference.Bits;
        foreach (string fault in difference.Faults)
            AddFault(room, fault);
        return completed;
    }

    private void CheckMessage(Room room, ChildOutcome outcome, string mount)
    {
        string last = TrainingCommand.LastLine(outcome.Errors);
        Match file = Regex.Match(last, Regex.Escape(mount) + "/run/?(?<file>[^'\" :]*)", RegexOptions.None, TimeSpan.FromSeconds(1));
        string name = file.Success ? Regex.Replace(file.Groups["file"].Value.Replace(AtomicFile.TemporarySuffix, "", StringComparison.Ordinal), "[0-9]{4,}", "N", RegexOptions.None, TimeSpan.FromSeconds(1)) : "not named";
        filled[name.Length > 0 ? name : "the folder"] = filled.GetValueOrDefault(name.Length > 0 ? name : "the folder") + 1;
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
                foreach (SafetensorsEntry entry in file.Entries)
                    file.ReadBytes(entry.Name);
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
