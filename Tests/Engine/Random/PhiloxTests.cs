using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class PhiloxTests
{
    /// <summary>The known answers that Salmon et al. publish with Philox4x32-10: zeros, ones, and digits of pi.</summary>
    public static TheoryData<uint[], uint[], uint[]> KnownAnswers => new()
    {
        { [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
        {
            [uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue], [uint.MaxValue, uint.MaxValue],
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]
        },
        {
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]
        },
    };

    [Theory]
    [MemberData(nameof(KnownAnswers))]
    public void Gives_the_published_words(uint[] counter, uint[] key, uint[] expected)
    {
        Philox.Words words = Philox.At(counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
        Assert.Equal(expected, (uint[])[words.A, words.B, words.C, words.D]);

        uint[] filled = new uint[36]; // eight counters by vectors, one without
        Philox.Fill(filled, counter[0], counter[1], counter[2], counter[3], key[0], key[1]);
        Assert.Equal(expected, filled[..4]);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(32)]
    [InlineData(76)]
    public void Vectors_give_the_words_of_single_counters(int length)
    {
        const uint first = uint.MaxValue - 5; // wraps within the first vector
        uint[] words = new uint[length];
        Philox.Fill(words, first, 7, 0xFFFFFFFF, 11, 13, 0x80000001);
        for (int i = 0; i < length; i += 4)
        {
            Philox.Words four = Philox.At(unchecked(first + (uint)i / 4), 7, 0xFFFFFFFF, 11, 13, 0x80000001);
            Assert.Equal((uint[])[four.A, four.B, four.C, four.D], words[i..(i + 4)]);
        }
    }

    [Fact]
    public void Unit_numbers_lie_above_0_and_reach_1()
    {
        Assert.Equal(MathF.Pow(2, -24), Philox.ToUnit(0));
        Assert.Equal(1f, Philox.ToUnit(uint.MaxValue));
        Assert.Equal(0.5f, Philox.ToUnit(0x7FFFFFFF));
    }
}
