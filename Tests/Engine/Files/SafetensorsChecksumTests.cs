using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>A file whose bytes changed after it was written is refused, whichever byte it was; files of other programs need no checksum.</summary>
public sealed class SafetensorsChecksumTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    [Fact]
    public void Every_changed_bit_of_data_and_metadata_is_found()
    {
        byte[] whole = Written();
        int header = 8 + BitConverter.ToInt32(whole);
        int value = whole.AsSpan().IndexOf("0.5"u8); // sigma_data
        foreach (int place in Enumerable.Range(header, whole.Length - header).Append(value).Append(value + 2))
            for (int bit = 0; bit < 8; bit++)
            {
                byte[] changed = [.. whole];
                changed[place] ^= (byte)(1 << bit);
                File.WriteAllBytes(temp.File("changed"), changed);
                try
                {
                    using SafetensorsFile file = SafetensorsFile.Open(temp.File("changed"));
                    InvalidFileException refused = Assert.Throws<InvalidFileException>(file.VerifyChecksum);
                    Assert.Contains("checksum", refused.Message, StringComparison.Ordinal);
                }
                catch (InvalidFileException) when (place < header)
                {
                    // A control character or half a code point in the header is not JSON.
                }
            }
    }

    [Fact]
    public void A_whole_file_passes_and_does_not_show_its_checksum()
    {
        Written();
        using SafetensorsFile file = SafetensorsFile.Open(temp.File("whole"));
        file.VerifyChecksum();
        Assert.Equal(["sigma_data"], file.Metadata.Keys);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"__metadata__\":{\"checksum\":\"sha256:12\"},")]
    public void A_file_of_another_program_passes(string metadata)
    {
        byte[] json = System.Text.Encoding.UTF8.GetBytes("{" + metadata + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}");
        File.WriteAllBytes(temp.File("other"), [.. BitConverter.GetBytes((long)json.Length), .. json, 1, 2]);
        using SafetensorsFile file = SafetensorsFile.Open(temp.File("other"));
        file.VerifyChecksum();
        Assert.Equal(metadata.Length == 0 ? 0 : 1, file.Metadata.Count);
    }

    [Fact]
    public void The_hash_of_the_data_does_not_depend_on_the_metadata()
    {
        Written();
        SafetensorsWriter writer = new();
        writer.Add("a", [3], new float[] { 1, -2, 3 });
        writer.Save(temp.File("bare"));
        writer.Add("b", [1], new float[] { 0 });
        writer.Save(temp.File("more"));
        using SafetensorsFile whole = SafetensorsFile.Open(temp.File("whole")), bare = SafetensorsFile.Open(temp.File("bare")), more = SafetensorsFile.Open(temp.File("more"));
        Assert.Equal(whole.HashData(), bare.HashData());
        Assert.NotEqual(whole.HashData(), more.HashData());
    }

    [Fact]
    public void The_key_cannot_be_set() => Assert.Throws<ArgumentException>(() => new SafetensorsWriter().SetMetadata("checksum", "1"));

    public void Dispose() => temp.Dispose();

    private byte[] Written()
    {
        SafetensorsWriter writer = new();
        writer.Add("a", [3], new float[] { 1, -2, 3 });
        writer.SetMetadata("sigma_data", "0.5");
        writer.Save(temp.File("whole"));
        return File.ReadAllBytes(temp.File("whole"));
    }
}
