using System.CommandLine;
using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>Options of the verbs that run a whole network: network, precision and device.</summary>
internal sealed class StepArguments
{
    private readonly Option<string> objective = Verbs.Choice("--objective", "Objective that the network is trained for.", "sct", StepOptions.Objectives);
    private readonly Option<int> batch = new("--batch") { Description = "Images in a training step.", DefaultValueFactory = _ => 256 };
    private readonly Option<int> microBatch = new("--micro-batch") { Description = "Images of a pass, whose gradients a step adds up; 0 for the whole batch.", DefaultValueFactory = _ => 0 };
    private readonly Option<float> dropout = new("--dropout")
    {
        Description = "Probability that the network drops a value; the PyTorch peer drops none.",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string> device = Verbs.DeviceOption(), tensorCores = Verbs.TensorCoresOption();
    private readonly Option<string> precision = Verbs.PrecisionOption(), preset = Verbs.PresetOption();

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[device, tensorCores, precision, preset, objective, batch, microBatch, dropout])
            command.Options.Add(option);
    }

    /// <summary>Opens the chosen device.</summary>
    public ComputeDevice Open(ParseResult parsed) => Verbs.Open(
        parsed.GetValue(device)!, parsed.GetValue(tensorCores)!, Verbs.TypeOf(parsed.GetValue(precision)!, parsed.GetValue(device)!));

    /// <summary>The chosen training step.</summary>
    public StepOptions Options(ParseResult parsed) => new(
        parsed.GetValue(preset)!, parsed.GetValue(objective)!,
        parsed.GetValue(batch), parsed.GetValue(dropout), Enum.Parse<Precision>(parsed.GetValue(precision)!, ignoreCase: true))
    {
        MicroBatch = parsed.GetValue(microBatch),
    };
}
