namespace TrigFlowNative.Engine;

/// <summary>A trained tensor: its name in the state dict, its value and its gradient, both views of a slab.</summary>
/// <param name="Name">Name in files by EDM's convention, such as enc.32x32_block0.conv0.weight.</param>
/// <param name="Value">The master weight, fp32.</param>
/// <param name="Gradient">The gradient, to which backward passes add; null in a network that is only evaluated.</param>
/// <param name="Compute">The compute weight, see <see cref="ParameterSlab.ComputeValues"/>; null if products take the master weight.</param>
public sealed record Parameter(string Name, Tensor Value, Tensor? Gradient, Tensor? Compute = null);
