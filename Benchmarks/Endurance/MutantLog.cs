using System.Globalization;
using System.Text;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>
/// A text file with a line before each mutant is read and a line after it. It is written through at once, so that after the death of the process that
/// reads them the mutant is known that killed it.
/// </summary>
internal sealed class MutantLog(string path) : IDisposable
{
    private readonly FileStream stream = new(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

    /// <summary>Notes that a mutant is about to be read.</summary>
    public void Begin(long index) => Write($"read {index}\n");

    /// <summary>Notes how its reading ended.</summary>
    public void End(MutantResult result) =>
        Write(string.Create(CultureInfo.InvariantCulture, $"done {result.Index} {result.Outcome} {result.Milliseconds:F1} {result.Mebibytes:F1} {result.Message.ReplaceLineEndings(" ")}\n"));

    /// <summary>Reads a log: the finished mutants, and the one whose reading has begun and not ended; null if there is none.</summary>
    public static (IReadOnlyList<MutantResult> Done, long? Open) Read(string path)
    {
        var done = new List<MutantResult>();
        long? open = null;
        if (!File.Exists(path))
            return (done, open);
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            string[] words = line.Split(' ', 6);
            if (words is ["read", var begun])
                open = long.Parse(begun, CultureInfo.InvariantCulture);
            else if (words is ["done", var index, var outcome, var milliseconds, var mebibytes, var message])
            {
                done.Add(new MutantResult(
                    long.Parse(index, CultureInfo.InvariantCulture), Enum.Parse<MutantOutcome>(outcome), double.Parse(milliseconds, CultureInfo.InvariantCulture),
                    double.Parse(mebibytes, CultureInfo.InvariantCulture), message));
                open = null;
            }
        }

        return (done, open);
    }

    public void Dispose() => stream.Dispose();

    private void Write(string line) => stream.Write(Encoding.UTF8.GetBytes(line));
}

/// <summary>How the reading of a mutant ended.</summary>
/// <param name="Index">Number of the mutant.</param>
/// <param name="Outcome">What happened.</param>
/// <param name="Milliseconds">Time of the reading.</param>
/// <param name="Mebibytes">Memory that the reading allocated on the managed heap, or by which it raised the process's peak, whichever is more.</param>
/// <param name="Message">The exception's message, or a description.</param>
internal sealed record MutantResult(long Index, MutantOutcome Outcome, double Milliseconds, double Mebibytes, string Message);

/// <summary>Possible ends of reading a mutant; all from <see cref="Crashed"/> on are faults.</summary>
internal enum MutantOutcome
{
    /// <summary>It was refused in one line.</summary>
    Refused,

    /// <summary>It was read, to whatever content, where the format cannot tell; or to the content of the valid file.</summary>
    Read,

    /// <summary>It was read to another content, although the format has a checksum.</summary>
    ChangedSilently,

    /// <summary>An exception that is no refusal, or the death of the process.</summary>
    Crashed,

    /// <summary>It took longer than allowed, or did not end.</summary>
    TooSlow,

    /// <summary>It took more memory than allowed.</summary>
    TooLarge,
}
