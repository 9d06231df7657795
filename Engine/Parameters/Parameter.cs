namespace TrigFlowNative.Engine;

/// <summary>A trained tensor: its name in the state dict, its value and its gradient, both views of a slab.</summary>
/// <param name="Name">Name in files, EDM's convention, such as enc.32x32_block0.conv0.weight.</param>
/// <param name="Value">The value.</param>
/// <param name="Gradient">The gradient, added to by backward passes; null in a network that is only evaluated.</param>
/// <param name="Rounded">The value rounded to bf16, for tensor cores; null in a network that runs in fp32.</param>
public sealed record Parameter(string Name, Tensor Value, Tensor? Gradient, Tensor? Rounded = null);
