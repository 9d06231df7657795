namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>What a GPU said of itself at a moment.</summary>
/// <param name="SmMegahertz">Clock of the multiprocessors.</param>
/// <param name="Temperature">Degrees Celsius.</param>
/// <param name="Throttled">Why the clock was held back, such as "power cap"; empty if it was not.</param>
public sealed record GpuState(int SmMegahertz, int Temperature, string Throttled);
