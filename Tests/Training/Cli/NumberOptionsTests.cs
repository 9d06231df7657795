using System.CommandLine;
using TrigFlowNative.Training.Cli;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>One notation of numbers for all options: what it reads, what it refuses, and in which words.</summary>
public class NumberOptionsTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("007", 7)]
    [InlineData("64", 64)]
    [InlineData("-3", -3)]
    [InlineData("1k", 1000)]
    [InlineData("12K", 12_000)]
    [InlineData("2M", 2_000_000)]
    [InlineData("3G", 3_000_000_000)]
    [InlineData("1.5k", 1500)]
    [InlineData("-0.25M", -250_000)]
    [InlineData("1_000_000", 1_000_000)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Whole_numbers_are_read(string text, long expected)
    {
        Assert.True(NumberText.TryWhole(text, out Int128 value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("k")]
    [InlineData("-k")]
    [InlineData("1x")]
    [InlineData("1m")]
    [InlineData("1,5")]
    [InlineData("1,000")]
    [InlineData("1.5")]
    [InlineData("1.0")]
    [InlineData("1.5555k")]
    [InlineData("1e3")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 k")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("1__0")]
    [InlineData("--1")]
    [InlineData("0x10")]
    [InlineData("NaN")]
    [InlineData("\u0663")]
    [InlineData("99999999999999999999999999999")]
    [InlineData("9999999999999999999999999999G")]
    public void Other_text_is_no_whole_number(string text) => Assert.False(NumberText.TryWhole(text, out _));

    [Theory]
    [InlineData("1.5", 1.5f)]
    [InlineData("-2", -2f)]
    [InlineData("1e-3", 1e-3f)]
    [InlineData(".5", 0.5f)]
    public void Real_numbers_are_read(string text, float expected)
    {
        Assert.True(NumberText.TryReal(text, out float value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1,5")]
    [InlineData("1_000.5")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("-\u221e")]
    [InlineData("1e39")]
    [InlineData("1e")]
    [InlineData("0x1p3")]
    [InlineData("1.5f")]
    [InlineData("\u0661")]
    public void Other_text_is_no_real_number(string text) => Assert.False(NumberText.TryReal(text, out _));

    [Theory]
    [InlineData("--count 1x", "--count 1x: expected a whole number such as 64, 1k or 2M")]
    [InlineData("--count 0", "--count 0: expected a whole number from 1 to 5000")]
    [InlineData("--count 6k", "--count 6k: expected a whole number from 1 to 5000")]
    [InlineData("--count 1,5", "--count 1,5: expected a whole number such as 64, 1k or 2M")]
    [InlineData("--seed -1", "--seed -1: expected a whole number from 0 to 18446744073709551615")]
    [InlineData("--seed 18446744073709551616", "--seed 18446744073709551616: expected a whole number from 0 to 18446744073709551615")]
    [InlineData("--guidance 1,5", "--guidance 1,5: expected a finite number such as 2, 1.5 or 1e-3, with a point before the fraction")]
    [InlineData("--guidance 101", "--guidance 101: expected a number from -100 to 100")]
    public void What_does_not_fit_is_one_error_in_plain_words(string command, string expected) => Assert.Equal(expected, Assert.Single(Parse(command.Split(' ')).Errors).Message);

    [Fact]
    public void What_was_given_is_shown_on_one_line_and_cut()
    {
        Assert.StartsWith("--count (empty): ", Assert.Single(Parse("--count", "").Errors).Message, StringComparison.Ordinal);
        Assert.StartsWith("--count 1?2: ", Assert.Single(Parse("--count", "1\n2").Errors).Message, StringComparison.Ordinal);
        Assert.StartsWith($"--count {new string('9', 40)}...: ", Assert.Single(Parse("--count", new string('9', 4000)).Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_and_defaults_reach_the_command()
    {
        Assert.Equal((64, null, 1.5f), Values());
        Assert.Equal((2000, ulong.MaxValue, -2f), Values("--count", "2k", "--seed", "18446744073709551615", "--guidance", "-2"));
    }

    private static (int Count, ulong? Seed, float Guidance) Values(params string[] arguments)
    {
        ParseResult parsed = Parse(arguments);
        Assert.Empty(parsed.Errors);
        return (parsed.GetValue<int>("--count"), parsed.GetValue<ulong?>("--seed"), parsed.GetValue<float>("--guidance"));
    }

    private static ParseResult Parse(params string[] arguments) => new RootCommand
    {
        NumberOptions.Whole("--count", "", 1, 5000, otherwise: 64),
        NumberOptions.Whole("--seed", "", 0UL, ulong.MaxValue),
        NumberOptions.Real("--guidance", "", -100, 100, otherwise: 1.5f),
    }.Parse(arguments);
}
