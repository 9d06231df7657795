using System.Collections.Concurrent;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Steps;

/// <summary>
/// The forward pass of a network for one image, as the cpu device records it in fp32. Its steps tell the op and the shapes of every layer; they never
/// run, and their tensors have no memory.
/// </summary>
/// <remarks>
/// The cpu device neither fuses nor pads: a concatenation, a residual and a projection shortcut are steps of their own, whereas a GPU may compute
/// them within another step.
/// </remarks>
internal sealed class RecordedPass
{
    private static readonly ConcurrentDictionary<string, RecordedPass> Presets = new(StringComparer.Ordinal);

    private RecordedPass(INetwork network, IReadOnlyList<ProgramStep> steps) => (Network, Steps) = (network, steps);

    /// <summary>The network.</summary>
    public INetwork Network { get; }

    /// <summary>The steps in order.</summary>
    public IReadOnlyList<ProgramStep> Steps { get; }

    /// <summary>Floating-point operations of the pass in matrix products, including those of attention.</summary>
    public double Flops => Steps.Sum(step => OpCost.Of(step).Flops);

    /// <summary>The pass of a model's preset, recorded once in a process.</summary>
    /// <exception cref="ArgumentException">There is no such preset; the message lists them.</exception>
    public static RecordedPass OfPreset(string preset) => Presets.GetOrAdd(preset, name => Of(PresetNetwork.Of(name).Build()));

    /// <summary>Records the pass of a network.</summary>
    public static RecordedPass Of(INetwork network)
    {
        using var cpu = new CpuDevice { OnlyRecords = true }; // the weights of the largest networks take gigabytes
        using ParameterSlab weights = network.CreateSlab(cpu);
        using var program = new ComputeProgram(cpu);
        NetworkConfig config = network.Config;
        var one = new Shape(1);
        var conditions = new NetworkConditions(program.Allocate(one), config.LabelCount > 0 ? program.Allocate(one, type: DType.Int32) : null)
        {
            Scalars = config.Conditions.ToDictionary(name => name, _ => program.Allocate(one)),
        };
        network.F(program, weights, program.Allocate(config.Image), conditions);
        return new RecordedPass(network, program.Steps);
    }
}
