namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// Marks a kernel with inline PTX: a static method without a result that takes one struct of numbers, launched by
/// <see cref="PtxKernel.Launch{T}(int, in T)"/> with a value of that struct.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PtxEntryAttribute : Attribute;
