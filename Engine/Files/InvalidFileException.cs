using System.Globalization;
using System.Text;

namespace TrigFlowNative.Engine;

/// <summary>
/// A file from outside is not valid. <see cref="Exception.Message"/> is one printable line, "path: reason", that can be shown to a person
/// as it is; nothing has been changed on disk when it is thrown.
/// </summary>
public sealed class InvalidFileException : Exception
{
    // A reason quotes names from the file, which may be megabytes long.
    private const int MaxReasonLength = 400;

    /// <summary>Creates the exception for the file at <paramref name="path"/>, which is refused for <paramref name="reason"/>.</summary>
    /// <param name="path">The file as the user named it.</param>
    /// <param name="reason">The fault, without the path; control characters in it are replaced, since it may quote the file.</param>
    /// <param name="innerException">The exception that was caught, if any.</param>
    public InvalidFileException(string path, string reason, Exception? innerException = null)
        : base($"{Printable(path)}: {Shorten(Printable(reason))}", innerException)
    {
        Path = path;
        Reason = Shorten(Printable(reason));
    }

    /// <summary>The file as the user named it.</summary>
    public string Path { get; }

    /// <summary>The fault in one line.</summary>
    public string Reason { get; }

    private static string Shorten(string text) => text.Length <= MaxReasonLength ? text : string.Concat(text.AsSpan(0, MaxReasonLength), "...");

    private static string Printable(string text)
    {
        StringBuilder line = new(text.Length);
        foreach (char c in text)
        {
            bool hidden = char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            line.Append(hidden ? '?' : c);
        }

        return line.ToString();
    }
}
