using System.Runtime.InteropServices;
using System.Text;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Standard output and error that never end a program: once a terminal is gone, a pipe closed or a disk full, what is written is dropped, and the
/// reason is kept.
/// </summary>
public static partial class SteadyOutput
{
    private const int GetFlags = 3, AccessMode = 3, ReadOnly = 0, ReadWrite = 2;
    private static string? lossReason;
    private static int installed;

    /// <summary>Why output is dropped; null while all of it was written.</summary>
    public static string? LossReason => Volatile.Read(ref lossReason);

    /// <summary>Takes the place of <see cref="Console.Out"/> and <see cref="Console.Error"/>, before anything is written. Further calls do nothing.</summary>
    public static void Install()
    {
        if (Interlocked.Exchange(ref installed, 1) != 0)
            return;

        // The numbers of closed streams go to the next files that are opened: occupied here, they cannot be those of a run.
        bool[] open = [IsOutput(0), IsOutput(1), IsOutput(2)];
        Console.SetOut(open[1] ? new Writer(Console.Out) : Closed("output"));
        Console.SetError(open[2] ? new Writer(Console.Error) : Closed("error"));
    }

    /// <summary>Wraps a writer.</summary>
    internal static TextWriter Wrap(TextWriter inner) => new Writer(inner);

    private static TextWriter Closed(string name)
    {
        Lose($"standard {name} is closed");
        return TextWriter.Null;
    }

    private static void Lose(string reason) => Interlocked.CompareExchange(ref lossReason, reason, null);

    /// <summary>
    /// Whether a file descriptor is the stream that the shell gave. A process that was started without it may have something else there by now: a file
    /// that the runtime opened for reading, or memory that the runtime compiles into.
    /// </summary>
    private static bool IsOutput(int descriptor)
    {
        if (OperatingSystem.IsWindows())
            return true;
        int flags = Control(descriptor, GetFlags, 0);
        if (flags < 0)
        {
            _ = Open("/dev/null", ReadWrite); // takes the lowest free number, which is this one
            return false;
        }

        if (descriptor > 0 && (flags & AccessMode) == ReadOnly)
            return false;
        return !OperatingSystem.IsLinux() || File.ResolveLinkTarget($"/proc/self/fd/{descriptor}", returnFinalTarget: false) is not { } target
            || !target.FullName.StartsWith("/memfd:", StringComparison.Ordinal);
    }

    [LibraryImport("libc", EntryPoint = "fcntl")]
    private static partial int Control(int descriptor, int command, int argument);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    private sealed class Writer(TextWriter inner) : TextWriter
    {
        private bool lost;

        public override Encoding Encoding => inner.Encoding;

        public override void Write(char value) => Attempt(value, static (writer, each) => writer.Write(each));

        public override void Write(string? value) => Attempt(value, static (writer, text) => writer.Write(text));

        public override void Write(char[] buffer, int index, int count) =>
            Attempt((buffer, index, count), static (writer, part) => writer.Write(part.buffer, part.index, part.count));

        public override void WriteLine(string? value) => Attempt(value, static (writer, text) => writer.WriteLine(text));

        public override void Flush() => Attempt(0, static (writer, _) => writer.Flush());

        private void Attempt<T>(T value, Action<TextWriter, T> write)
        {
            if (lost)
                return;
            try
            {
                write(inner, value);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException or NotSupportedException)
            {
                Lose(e.Message);
                lost = true;
            }
        }
    }
}
