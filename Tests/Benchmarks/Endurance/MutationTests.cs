using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using TrigFlowNative.Benchmarks.Endurance;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Mutants are reproducible, differ from the file, and are of every kind.</summary>
public class MutationTests
{
    private const int Mutants = 3000;
    private static readonly byte[] File = NoiseImages.Bytes(500);
    private static readonly byte[] Json = Encoding.UTF8.GetBytes("{\"labels\": [[\"a.png\", 6], [\"b.png\", 1]], \"name\": \"x\"}");

    [Fact]
    public void The_same_number_gives_the_same_mutant_and_another_one_another()
    {
        byte[][] first = [.. Enumerable.Range(0, 300).Select(i => Mutation.Apply(File, Structure.Bytes, 7, i))];
        for (int i = 0; i < first.Length; i++)
            Assert.Equal(first[i], Mutation.Apply(File, Structure.Bytes, 7, i));
        Assert.True(first.Select(Convert.ToHexString).Distinct().Count() > 280);
        Assert.NotEqual(first[0], Mutation.Apply(File, Structure.Bytes, 8, 0));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(500)]
    public void A_mutant_is_never_the_file(int length)
    {
        byte[] file = File[..length];
        foreach (Structure structure in Enum.GetValues<Structure>())
            for (int i = 0; i < Mutants; i++)
                Assert.False(Mutation.Apply(file, structure, 1, i).AsSpan().SequenceEqual(file), $"{structure} {i}");
    }

    [Fact]
    public void Files_are_cut_prolonged_joined_and_spoilt_in_place()
    {
        byte[][] mutants = [.. Enumerable.Range(0, Mutants).Select(i => Mutation.Apply(File, Structure.Bytes, 1, i))];
        Assert.Contains(mutants, each => each.Length == 0);
        Assert.Contains(mutants, each => each.Length is > 0 and < 500 && File.AsSpan().StartsWith(each));
        Assert.Contains(mutants, each => each.Length == 1000 && each.AsSpan(500).SequenceEqual(File));
        Assert.Contains(mutants, each => each.Length > 500 && each.AsSpan(0, 500).SequenceEqual(File) && !each.AsSpan(500).ContainsAnyExcept((byte)0));
        Assert.Contains(mutants, each => each.Length == 500 && each.Zip(File).Count(pair => pair.First != pair.Second) == 1);
        Assert.Contains(mutants, each => each.Length == 500 && Same(each.Order(), File.Order()) && !Same(each, File)); // blocks swapped
        Assert.Contains(mutants, each => each.Length == 500 && each.AsSpan().IndexOf((byte[])[0x7f, 0xff, 0xff, 0xff]) >= 0); // big-endian
        Assert.Contains(mutants, each => each.Length == 500 && each.AsSpan().IndexOf((byte[])[0xff, 0xff, 0xff, 0x7f]) >= 0);

        static bool Same(IEnumerable<byte> a, IEnumerable<byte> b) => a.SequenceEqual(b);
    }

    [Fact]
    public void Json_stays_json_often_enough_to_reach_what_checks_its_content()
    {
        string[] texts = [.. Enumerable.Range(0, Mutants).Select(i => Encoding.Latin1.GetString(Mutation.Apply(Json, Structure.Text, 1, i)))];
        Assert.InRange(texts.Count(IsJson), Mutants / 10, Mutants * 9 / 10);
        Assert.Contains(texts, text => text.Split("\"name\": \"x\"").Length == 3); // a key twice
        Assert.Contains(texts, text => text.Contains("1e999", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.Contains("NaN", StringComparison.Ordinal));
        Assert.Contains(texts, text => text.Contains(new string('[', 1000), StringComparison.Ordinal));
        Assert.Contains(texts, text => text.Contains("\\ud800", StringComparison.Ordinal));

        static bool IsJson(string text)
        {
            try
            {
                using var document = JsonDocument.Parse(text);
                return true;
            }
            catch (JsonException)
            {
                return false;
            }
        }
    }

    [Fact]
    public void The_length_before_a_header_mostly_follows_its_text()
    {
        byte[] data = [1, 2, 3, 4], file = [.. BitConverter.GetBytes((long)Json.Length), .. Json, .. data];
        int fitting = 0, changed = 0;
        for (int i = 0; i < Mutants; i++)
        {
            byte[] mutant = Mutation.Apply(file, Structure.TextThenBytes, 1, i);
            if (mutant.Length < 12 || !mutant.AsSpan(mutant.Length - 4).SequenceEqual(data) || mutant.Length == file.Length)
                continue;
            changed++;
            fitting += BinaryPrimitives.ReadInt64LittleEndian(mutant) == mutant.Length - 12 ? 1 : 0;
        }

        Assert.True(changed > Mutants / 10 && fitting > changed / 2, $"{fitting} of {changed}");
    }
}
