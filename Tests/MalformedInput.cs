using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>A file that must be refused: how to make it, how the program would read it, and a distinctive part of the reason.</summary>
/// <param name="File">The file or folder, relative to the test's folder, that is read and that the message must name.</param>
/// <param name="Make">Makes it in the given folder.</param>
/// <param name="Reason">Text that the message must contain.</param>
/// <param name="Blamed">The file that the message must name, if another than <paramref name="File"/>.</param>
internal sealed record MalformedInput(string File, Action<TemporaryFolder> Make, string Reason, string? Blamed = null)
{
    /// <summary>Reads the input and asserts: one line that names file and reason, and nothing on disk has changed.</summary>
    public void AssertRefused(Action<string> read)
    {
        using TemporaryFolder folder = new();
        Make(folder);
        SortedDictionary<string, byte[]> before = folder.Contents();

        InvalidFileException refusal = Assert.Throws<InvalidFileException>(() => read(folder.File(File)));

        Assert.StartsWith(folder.File(Blamed ?? File), refusal.Message, StringComparison.Ordinal);
        Assert.Contains(Reason, refusal.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(refusal.Message, char.IsControl);
        SortedDictionary<string, byte[]> after = folder.Contents();
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(before, file => Assert.True(file.Value.AsSpan().SequenceEqual(after[file.Key]), $"{file.Key} has changed"));
    }
}
