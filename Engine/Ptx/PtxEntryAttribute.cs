namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// Marks the entry of a kernel with inline PTX: a static void method that takes one struct of numbers.
/// <see cref="PtxKernel.Launch{T}(int, in T)"/> launches it with a value of that struct.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PtxEntryAttribute : Attribute;
