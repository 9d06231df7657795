using System.CommandLine;
using TrigFlowNative.Training.Cli;
using Xunit;
using Trigflow = TrigFlowNative.Training.Cli.CommandLine;

namespace TrigFlowNative.Tests.Training;

/// <summary>Whatever an option is given, it is taken or refused in one line that names it, in words that need no .NET.</summary>
public class ParseErrorTests
{
    private static readonly string[] Odd = ["", " ", "x", "1,5", "NaN", "-1", "1e99", "0x10", "99999999999999999999999999999", "\ud800", "@x", "1k1", "*"];

    public static TheoryData<string, string> Options => [.. Trigflow.Verbs().Subcommands
        .SelectMany(verb => verb.Options.Select(option => (verb.Name, option.Name))).Distinct()];

    [Theory]
    [MemberData(nameof(Options))]
    public void An_odd_value_is_taken_or_refused_in_one_line_that_names_the_option(string verb, string option)
    {
        foreach (string value in Odd)
        {
            ParseResult parsed = Trigflow.Parse(verb, option, value);
            foreach (string error in parsed.Errors.Where(each => !each.Message.Contains("is required", StringComparison.Ordinal)).Select(_ => ParseErrors.Describe(parsed)))
            {
                Assert.DoesNotContain('\n', error);
                Assert.DoesNotContain("System.", error, StringComparison.Ordinal);
                Assert.DoesNotContain("Cannot parse", error, StringComparison.Ordinal);
                Assert.Contains($"trigflow {verb} --help", error, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("", "--help")]
    [InlineData("frob", "frob")]
    [InlineData("train --bogus", "--bogus")]
    [InlineData("train --objective edm", "--objective")]
    [InlineData("train --preset huge", "--preset")]
    [InlineData("train --images 1,5", "--images 1,5: expected a whole number")]
    [InlineData("train --batch 0", "--batch 0: expected a whole number from 1")]
    [InlineData("train --seed -1", "--seed -1: expected a whole number from 0")]
    [InlineData("train --out", "--out")]
    [InlineData("train --precision fp8", "--precision")]
    [InlineData("train --tensor-cores none", "--tensor-cores")]
    [InlineData("sample --out o", "--checkpoint")]
    public void The_line_says_what_is_wrong(string command, string expected)
    {
        string line = ParseErrors.Describe(Trigflow.Parse(command.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains(expected, line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    [Theory]
    [InlineData("train", "--data")]
    [InlineData("train", "--out")]
    [InlineData("train", "--resume")]
    [InlineData("train", "--config")]
    [InlineData("train", "--teacher")]
    [InlineData("train", "--init")]
    [InlineData("demo", "--out")]
    public void An_empty_path_is_refused_by_the_options_name(string verb, string option) =>
        Assert.StartsWith($"{option}: the path is empty", ParseErrors.Describe(Trigflow.Parse(verb, option, "")), StringComparison.Ordinal);

    [Theory]
    [InlineData("1k", 1000)]
    [InlineData("2.5M", 2_500_000)]
    [InlineData("1_000", 1000)]
    public void Numbers_may_have_suffixes_in_options_and_settings(string text, long images)
    {
        string[] first = ["train", "--objective", "trigflow", "--preset", "demo", "--data", "synthetic"];
        var options = new TrainOptions();
        Command command = new("train");
        foreach (Option option in options.All)
            command.Add(option);
        Assert.Equal(images, options.Resolve(command.Parse([.. first[1..], "--images", text])).Config.Images);
        Assert.Equal(images, options.Resolve(command.Parse([.. first[1..], "--set", $"images={text}"])).Config.Images);
    }

    [Theory]
    [InlineData("--resume r --out o", "leave out --out")]
    [InlineData("--resume r --config c", "leave out --out and --config")]
    [InlineData("--objective sct", "--data is missing")]
    [InlineData("--objective sct --data d", "--preset is missing")]
    [InlineData("--data d --preset demo", "--objective is missing")]
    [InlineData("--config none.json", "none.json: no such file")]
    [InlineData("--objective trigflow --data d --preset demo --set images=1e3", "'images' does not fit: expected a whole number")]
    [InlineData("--objective trigflow --data d --preset demo --set batch=1,5", "must be a number")]
    [InlineData("--objective trigflow --data d --preset demo --set data=", "not empty text")]
    [InlineData("--objective trigflow --data d --preset demo --set init=\"\\ud800\"", "not Unicode")]
    public void Options_that_do_not_go_together_are_refused(string arguments, string expected)
    {
        var options = new TrainOptions();
        Command command = new("train");
        foreach (Option option in options.All)
            command.Add(option);
        Exception refused = Assert.ThrowsAny<Exception>(() => options.Resolve(command.Parse(arguments.Split(' '))));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.True(refused is TrigFlowNative.Training.UsageException or TrigFlowNative.Engine.InvalidFileException, $"{refused}");
    }
}
