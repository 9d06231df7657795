using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>The bf16 copy of a network's parameters, which tensor cores multiply.</summary>
public static class RoundedWeights
{
    /// <summary>
    /// Makes the rounded values follow the values, after these were loaded or set; nothing if the slab has none. Inside a program
    /// record <see cref="Cast.Into"/> instead, or let the optimizer write both.
    /// </summary>
    public static void Refresh(ParameterSlab weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (weights.Rounded is null)
            return;
        using var program = new ComputeProgram(weights.Device);
        Cast.Into(program, weights.Values, weights.Rounded);
        program.Run();
    }
}
