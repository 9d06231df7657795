namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// How long work runs before and while it is timed as a long run is. A card under load reaches its power cap and a lower clock only after some seconds, so the
/// first steps of a run are faster than all others.
/// </summary>
/// <param name="WarmSeconds">Seconds of load before the timing, 0 to <see cref="Longest"/>.</param>
/// <param name="Seconds">Least seconds of the timing, above 0 and up to <see cref="Longest"/>.</param>
internal sealed record SustainOptions(double WarmSeconds = SustainOptions.UsualWarmSeconds, double Seconds = SustainOptions.UsualSeconds)
{
    /// <summary>Seconds of load after which an H200 keeps its clock.</summary>
    public const double UsualWarmSeconds = 20;

    /// <summary>Seconds of timing in which the energy counter's steps, up to 0.1 s each, do not count.</summary>
    public const double UsualSeconds = 10;

    /// <summary>Longest duration of either, so that a case ends within the ten minutes that the harness gives it.</summary>
    public const double Longest = 240;
}
