namespace TrigFlowNative.Models;

/// <summary>What a PyTorch file holds: a value, in which tensors are records, and what makes tensors of these.</summary>
/// <param name="Root">The value.</param>
/// <param name="Tensors">Makes its tensors.</param>
/// <param name="Verify">Reads all numbers that a tensor was made of and compares them with the file's checksums, where it has some.</param>
internal sealed record TorchContent(PickleValue Root, TorchTensors Tensors, Action Verify);
