using System.CommandLine;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>Options of the verbs that time work under sustained load: whether, and how long.</summary>
internal sealed class SustainArguments
{
    /// <summary>Name of the option that turns it on or off.</summary>
    public const string Switch = "--sustained";

    private const string Auto = "auto", On = "on", Off = "off";

    private readonly Option<string> sustained = Verbs.Choice(
        Switch, "Whether training steps, sampling and feeding are also timed under sustained load, after the card has reached its power cap; auto does so on an NVIDIA GPU, without --quick and with one round.",
        Auto, Auto, On, Off);

    private readonly Option<double> warm = new("--warm-seconds")
    {
        Description = "Seconds of load before the timing under sustained load.",
        DefaultValueFactory = _ => SustainOptions.UsualWarmSeconds,
    };

    private readonly Option<double> seconds = new("--sustain-seconds")
    {
        Description = "Least seconds of the timing under sustained load.",
        DefaultValueFactory = _ => SustainOptions.UsualSeconds,
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        command.Options.Add(sustained);
        AddDurationsTo(command);
    }

    /// <summary>Adds the durations alone to a verb that always times under sustained load.</summary>
    public void AddDurationsTo(Command command)
    {
        command.Options.Add(warm);
        command.Options.Add(seconds);
    }

    /// <summary>The words of the choice for the processes of several rounds, in which auto is off.</summary>
    public string[] InRounds(ParseResult parsed) => [Switch, parsed.GetValue(sustained) is { } chosen && chosen != Auto ? chosen : Off];

    /// <summary>The durations as they are given, whether or not they are used.</summary>
    /// <exception cref="UsageException">A duration is out of range.</exception>
    public SustainOptions Durations(ParseResult parsed)
    {
        var options = new SustainOptions(parsed.GetValue(warm), parsed.GetValue(seconds));
        if (options.WarmSeconds is not (>= 0 and <= SustainOptions.Longest))
            throw new UsageException($"--warm-seconds is 0 to {SustainOptions.Longest}");
        return options.Seconds is > 0 and <= SustainOptions.Longest ? options : throw new UsageException($"--sustain-seconds is above 0 and at most {SustainOptions.Longest}");
    }

    /// <summary>The durations; null if nothing is to be timed under sustained load.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="device">Name of the device.</param>
    /// <param name="quick">Whether the run is to be short.</param>
    /// <exception cref="UsageException">A duration is out of range.</exception>
    public SustainOptions? Options(ParseResult parsed, string device, bool quick)
    {
        SustainOptions options = Durations(parsed);
        return parsed.GetValue(sustained) switch { On => options, Off => null, _ => device == "cuda" && !quick ? options : null };
    }
}
