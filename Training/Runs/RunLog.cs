using System.Globalization;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Says things about a run on the error stream and in its run.log, so that they are known where the terminal was lost. Neither ends a run if it cannot
/// be written.
/// </summary>
internal sealed class RunLog
{
    private readonly string path;
    private bool lossSaid;

    public RunLog(string path)
    {
        this.path = path;
        if (FileStatus.Of(path, follow: false).Kind is FileKind.Link or FileKind.Pipe)
            File.Delete(path); // a link would let the log grow in a file outside of the run, and a pipe would let it wait
    }

    /// <summary>Says one line.</summary>
    public void Say(string line)
    {
        Console.Error.WriteLine(line);
        Write(line);
    }

    /// <summary>Writes one line to the file alone.</summary>
    public void Write(string line)
    {
        try
        {
            File.AppendAllText(path, string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ssZ} {line}\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What matters more, states and weights, reports the same disk when it is written.
        }
    }

    /// <summary>Writes to the file, once, that the terminal or the file behind standard output was lost.</summary>
    public void NoteLostOutput()
    {
        if (lossSaid || SteadyOutput.LossReason is not { } reason)
            return;
        lossSaid = true;
        Write($"standard output or error cannot be written any more ({reason}); the training goes on");
    }
}
