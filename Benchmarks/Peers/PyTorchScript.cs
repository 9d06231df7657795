using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>The script that trains and samples a preset's network in PyTorch.</summary>
/// <param name="File">Name of the script.</param>
/// <param name="Arguments">Arguments that name the network.</param>
/// <param name="Objectives">Objectives that the script trains for.</param>
/// <param name="TakesMicroBatches">Whether a step can add up the gradients of several passes.</param>
internal sealed record PyTorchScript(string File, string[] Arguments, string[] Objectives, bool TakesMicroBatches)
{
    private const string Cifar10 = "cifar10";

    /// <summary>Returns the script of a preset: of cifar10, and of each EDM2 network that can be trained; null for any other.</summary>
    public static PyTorchScript? Of(string preset) => preset == Cifar10 ? new PyTorchScript("step_pytorch.py", [], ["sct", "scd"], TakesMicroBatches: false) : Of(PresetNetwork.Of(preset));

    /// <summary>Returns the script of a network by its architecture; null if there is none.</summary>
    internal static PyTorchScript? Of(NetworkConfig network) => network is Edm2Config { Modulation: not Edm2Modulation.Edm2, Embedding: Edm2Embedding.Positional }
        ? new PyTorchScript("edm2_step_pytorch.py", ["--config", network.ToJson()], ["sct", "scd", StepOptions.Guided], TakesMicroBatches: true) : null;
}
