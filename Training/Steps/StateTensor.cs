using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Steps;

/// <summary>A tensor of a training state.</summary>
/// <param name="Name">Name in checkpoint files.</param>
/// <param name="Value">The tensor.</param>
/// <param name="Slab">Slab in whose order the elements lie in memory; files hold them in the order of its layout. Null for other tensors.</param>
public sealed record StateTensor(string Name, Tensor Value, ParameterSlab? Slab = null);
