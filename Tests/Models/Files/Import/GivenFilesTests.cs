using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// Files that PyTorch and NumPy themselves have written, in a folder that an environment variable names: what begins with refuse- must be refused, and what begins with tiny
/// must become the tensors of tiny-expected.safetensors.
/// </summary>
public sealed class GivenFilesTests : IDisposable
{
    private const string Variable = "TRIGFLOW_IMPORT_FILES", Expected = "tiny-expected.safetensors";

    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Files_of_PyTorch_come_out_bit_for_bit()
    {
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(Folder(), Expected));
        foreach (string path in Directory.EnumerateFiles(Folder(), "tiny*.pth"))
        {
            string output = temp.File(Path.GetFileName(path) + ".safetensors");
            using (ImportedFile file = ImportFile.Open(path))
                file.Save(output);
            using SafetensorsFile written = SafetensorsFile.Open(output);
            Assert.Equal(expected.Entries.Select(each => each.Name).Order(StringComparer.Ordinal), written.Entries.Select(each => each.Name).Order(StringComparer.Ordinal));
            foreach (SafetensorsEntry each in expected.Entries)
            {
                Assert.True(written.Require(each.Name, each.Shape.AsSpan()).Type == each.Type);
                Assert.Equal(expected.ReadBytes(each.Name), written.ReadBytes(each.Name));
            }
        }
    }

    [Fact]
    public void Files_that_must_be_refused_are()
    {
        string[] files = Directory.GetFiles(Folder(), "refuse-*");
        Assert.NotEmpty(files);
        Assert.All(files, path => Assert.StartsWith(path, Assert.Throws<InvalidFileException>(() => ImportFile.Open(path)).Message, StringComparison.Ordinal));
    }

    public void Dispose() => temp.Dispose();

    private static string Folder()
    {
        string? folder = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipUnless(folder is not null, $"{Variable} names no folder");
        return folder!;
    }
}
