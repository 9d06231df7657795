namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>The state of a GPU at one moment.</summary>
/// <param name="SmMegahertz">Clock of the multiprocessors, MHz.</param>
/// <param name="Temperature">Degrees Celsius.</param>
/// <param name="Throttled">Why the clock was lowered, such as "power cap"; empty if it was not.</param>
public sealed record GpuState(int SmMegahertz, int Temperature, string Throttled)
{
    /// <summary>Power of the whole card, W; null if it does not say.</summary>
    public double? Watts { get; init; }
}
