using System.Diagnostics;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// Watches a card over a span of time, from a thread of its own: the mean of its clock, and its energy, by the card's own counter where it has one, otherwise as the
/// integral of the sampled power.
/// </summary>
internal sealed class LoadLog
{
    /// <summary>A card's power reading is itself a mean over 25 ms to 1 s, so that more samples would say no more.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    private readonly Func<GpuState?> sample;
    private readonly Func<double?> energy;
    private readonly List<(double Seconds, GpuState State)> samples = [];
    private readonly Thread thread;
    private readonly long start;
    private readonly double? joules;
    private volatile bool stopped;

    private LoadLog(Func<GpuState?> sample, Func<double?> energy)
    {
        (this.sample, this.energy) = (sample, energy);
        thread = new Thread(Watch) { IsBackground = true, Name = "load log" };
        joules = energy();
        start = Stopwatch.GetTimestamp();
        thread.Start();
    }

    /// <summary>Starts to watch.</summary>
    /// <param name="sample">Reads the card's present state, from another thread; null if it cannot be read.</param>
    /// <param name="energy">Reads the card's energy counter, in joules from any origin; null if it has none.</param>
    public static LoadLog Start(Func<GpuState?> sample, Func<double?> energy) => new(sample, energy);

    /// <summary>Stops watching; returns what was read since the start.</summary>
    public LoadReading Stop()
    {
        double? last = energy();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        stopped = true;
        thread.Join();
        return Read(samples, seconds, last - joules);
    }

    /// <summary>The means over a span.</summary>
    /// <param name="samples">States and the seconds at which they were read, in order.</param>
    /// <param name="seconds">Length of the span.</param>
    /// <param name="counted">Difference of the energy counter in joules; null, or not positive, if it does not count.</param>
    internal static LoadReading Read(IReadOnlyList<(double Seconds, GpuState State)> samples, double seconds, double? counted)
    {
        double? watts = counted > 0 ? counted / seconds : MeanPower(samples, seconds);
        return samples.Count == 0 ? new LoadReading(null, watts, watts * seconds, null, "") : new LoadReading(
            samples.Average(each => each.State.SmMegahertz), watts, watts * seconds, samples.Max(each => each.State.Temperature),
            string.Join(" + ", samples.SelectMany(each => each.State.Throttled.Split(" + ", StringSplitOptions.RemoveEmptyEntries)).Distinct()));
    }

    /// <summary>The integral of the power, each sample valid until halfway to its neighbours, over the length of the span; null if a sample has no power.</summary>
    private static double? MeanPower(IReadOnlyList<(double Seconds, GpuState State)> samples, double seconds)
    {
        if (samples.Count == 0)
            return null;
        double? joules = 0;
        for (int i = 0; i < samples.Count; i++)
        {
            double from = i == 0 ? 0 : (samples[i - 1].Seconds + samples[i].Seconds) / 2;
            double to = i == samples.Count - 1 ? seconds : (samples[i].Seconds + samples[i + 1].Seconds) / 2;
            joules += samples[i].State.Watts * (to - from);
        }

        return joules / seconds;
    }

    private void Watch()
    {
        while (!stopped)
        {
            double now = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (sample() is { } state)
                samples.Add((now, state));
            Thread.Sleep(Period);
        }
    }
}
