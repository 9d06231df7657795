using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Steps;

/// <summary>A tensor that a resumed training needs.</summary>
/// <param name="Name">Name in files.</param>
/// <param name="Value">The tensor.</param>
/// <param name="Slab">The slab whose values the tensor's elements lie like; files hold them in the order of its layout. Otherwise null.</param>
public sealed record StateTensor(string Name, Tensor Value, ParameterSlab? Slab = null);
