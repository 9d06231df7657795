using System.CommandLine;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>The options that say which network runs where, shared by the verbs that run a whole one.</summary>
internal sealed class StepArguments
{
    private readonly Option<string> objective = Verbs.Choice("--objective", "What is trained.", "sct", StepOptions.Objectives);
    private readonly Option<int> batch = new("--batch") { Description = "Images in a step.", DefaultValueFactory = _ => 256 };
    private readonly Option<float> dropout = new("--dropout")
    {
        Description = "Dropout of the network; the PyTorch peer has none.",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string> device = Verbs.DeviceOption(), tensorCores = Verbs.TensorCoresOption();
    private readonly Option<string> precision = Verbs.PrecisionOption(), preset = Verbs.PresetOption();

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[device, tensorCores, precision, preset, objective, batch, dropout])
            command.Options.Add(option);
    }

    public ComputeDevice Open(ParseResult parsed) => Verbs.Open(parsed.GetValue(device)!, parsed.GetValue(tensorCores)!);

    public StepOptions Options(ParseResult parsed) => new(
        parsed.GetValue(preset)!, parsed.GetValue(objective)!,
        parsed.GetValue(batch), parsed.GetValue(dropout), Enum.Parse<Precision>(parsed.GetValue(precision)!, ignoreCase: true));
}
