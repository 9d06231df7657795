namespace TrigFlowNative.Engine;

/// <summary>A trained tensor: its name in the state dict, its value and its gradient, both views of a slab.</summary>
/// <param name="Name">Name in files, EDM's convention, such as enc.32x32_block0.conv0.weight.</param>
/// <param name="Value">The master value, fp32.</param>
/// <param name="Gradient">The gradient, added to by backward passes; null in a network that is only evaluated.</param>
/// <param name="Compute">What is made of the value for products, see <see cref="ParameterSlab.ComputeValues"/>; null where products take the value itself.</param>
public sealed record Parameter(string Name, Tensor Value, Tensor? Gradient, Tensor? Compute = null);
