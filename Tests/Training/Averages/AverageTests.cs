using TrigFlowNative.Training.Averages;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class AverageTests
{
    [Fact]
    public void A_weight_counts_half_after_a_half_life()
    {
        var average = new HalfLifeAverage(1000, RampUp: null);
        double share = 1;
        for (int seen = 0; seen < 1000; seen += 50)
            share *= average.Beta(seen, 50);
        Assert.Equal(0.5, share, 1e-12);
    }

    /// <summary>NVlabs/edm: ema_halflife_nimg = min(ema_halflife_nimg, cur_nimg * ramp-up), beta = 0.5 ** (batch / half-life).</summary>
    [Fact]
    public void A_ramp_up_shortens_the_half_life_at_the_start()
    {
        var average = new HalfLifeAverage(500_000, RampUp: 0.05);
        Assert.Equal(0, average.Beta(0, 512));
        Assert.Equal(Math.Pow(0.5, 512 / (0.05 * 20_000)), average.Beta(20_000, 512), 1e-12);
        Assert.Equal(Math.Pow(0.5, 512 / 500_000.0), average.Beta(20_000_000, 512), 1e-12);
    }

    [Theory]
    [InlineData(0.01, 96.99)]
    [InlineData(0.05, 16.97)]
    [InlineData(0.10, 6.94)]
    public void Exponents_belong_to_their_published_widths(double width, double gamma)
    {
        var average = PowerAverage.OfWidth(width);
        Assert.Equal(gamma, average.Gamma, 0.005);
        Assert.Equal(width, average.Width, 1e-12);
        double w = 1 / (width * width), g = average.Gamma;
        Assert.Equal(0, (g * g * g + 7 * g * g + (16 - w) * g + 12 - w) / (g * g * g), 1e-9);
    }

    [Fact]
    public void Widths_without_an_average_are_refused()
    {
        Assert.Equal(0, PowerAverage.OfWidth(PowerAverage.MaxWidth).Gamma, 1e-6);
        foreach (double width in new[] { 0, -0.1, 0.2887, double.NaN })
            Assert.Throws<ArgumentOutOfRangeException>(() => PowerAverage.OfWidth(width));
    }

    /// <summary>Tracks the index of the step itself: the weighting's mean and deviation are those of a power law.</summary>
    [Fact]
    public void The_tracked_weighting_is_a_power_law()
    {
        var average = PowerAverage.OfWidth(0.1);
        (double first, double second) = (Track(average, 4000, t => t)[^1], Track(average, 4000, t => t * t)[^1]);
        Assert.Equal((average.Gamma + 1) / (average.Gamma + 2), first / 4000, 1e-3);
        Assert.Equal(0.1, Math.Sqrt(second - first * first) / 4000, 1e-3);
        Assert.Equal(0, average.Beta(1, 1));
        Assert.Equal(5, Track(average, 1, _ => 5)[^1]);
    }

    [Theory]
    [InlineData(0.02, 2e-2)]
    [InlineData(0.07, 2e-3)]
    [InlineData(0.15, 2e-3)]
    [InlineData(0.20, 1e-2)]
    public void Any_width_is_reconstructed_from_snapshots_of_two(double width, double tolerance)
    {
        const int Steps = 4096, Every = 128;
        static double Signal(double t) => 1 - Math.Exp(-t / 900) + 0.3 * Math.Sin(t / 250);
        PowerAverage[] tracked = [PowerAverage.OfWidth(0.05), PowerAverage.OfWidth(0.10)];
        double[][] histories = [.. tracked.Select(average => Track(average, Steps, Signal))];
        var snapshots = new List<AverageSnapshot>();
        var stored = new List<double>();
        for (int t = Every; t <= Steps; t += Every)
            for (int i = 0; i < 2; i++)
            {
                snapshots.Add(new AverageSnapshot(tracked[i], t));
                stored.Add(histories[i][t - 1]);
            }

        foreach (int time in new[] { Steps, 3000 })
        {
            double[] factors = PostHocAverage.Factors(snapshots, new AverageSnapshot(PowerAverage.OfWidth(width), time));
            double reconstructed = factors.Zip(stored, (factor, value) => factor * value).Sum();
            Assert.Equal(1, factors.Sum(), 1e-12);
            Assert.Equal(Track(PowerAverage.OfWidth(width), time, Signal)[^1], reconstructed, tolerance);
        }
    }

    [Fact]
    public void A_snapshot_reconstructs_itself_even_beside_its_double()
    {
        AverageSnapshot early = new(PowerAverage.OfWidth(0.1), 500), late = new(PowerAverage.OfWidth(0.1), 1000);
        double[] factors = PostHocAverage.Factors([early, late, late], late);
        Assert.Equal(0, factors[0], 1e-9);
        Assert.Equal(1, factors[1] + factors[2], 1e-9);
        Assert.Equal(0, PostHocAverage.Error([early, late, late], factors, late), 1e-7);
        Assert.Throws<ArgumentException>(() => PostHocAverage.Factors([], late));
        Assert.Throws<ArgumentException>(() => PostHocAverage.Factors([early, late with { Time = 0 }], late));
    }

    /// <summary>The difference of the weightings, integrated numerically.</summary>
    [Fact]
    public void The_error_of_a_reconstruction_is_that_of_its_weighting()
    {
        AverageSnapshot[] snapshots = [new(PowerAverage.OfWidth(0.05), 600), new(PowerAverage.OfWidth(0.1), 800), new(PowerAverage.OfWidth(0.05), 1000), new(PowerAverage.OfWidth(0.1), 1000)];
        AverageSnapshot wanted = new(PowerAverage.OfWidth(0.15), 1000);
        double[] factors = PostHocAverage.Factors(snapshots, wanted);
        double difference = 0, whole = 0;
        for (double tau = 0.05; tau < 1000; tau += 0.1)
        {
            double value = Weighting(wanted, tau), off = snapshots.Zip(factors, (snapshot, factor) => factor * Weighting(snapshot, tau)).Sum() - value;
            difference += off * off;
            whole += value * value;
        }

        Assert.InRange(Math.Sqrt(difference / whole), 0.02, 0.5); // four snapshots are few
        Assert.Equal(Math.Sqrt(difference / whole), PostHocAverage.Error(snapshots, factors, wanted), 1e-3);

        static double Weighting(AverageSnapshot of, double tau) => tau > of.Time ? 0 : (of.Average.Gamma + 1) * Math.Pow(tau / of.Time, of.Average.Gamma) / of.Time;
    }

    [Fact]
    public void Inner_products_are_the_integrals()
    {
        AverageSnapshot a = new(new PowerAverage(3.5), 2), b = new(new PowerAverage(1.25), 3);
        double integral = 0;
        for (int i = 0; i < 100_000; i++)
        {
            double tau = (i + 0.5) * 2 / 100_000;
            integral += 4.5 * Math.Pow(tau, 3.5) / Math.Pow(2, 4.5) * 2.25 * Math.Pow(tau, 1.25) / Math.Pow(3, 2.25) * 2 / 100_000;
        }

        Assert.Equal(integral, PostHocAverage.Product(a, b), 1e-8);
        Assert.Equal(integral, PostHocAverage.Product(b, a), 1e-8);
    }

    /// <summary>The average after each step, of a signal at times 1, 2, ...</summary>
    private static double[] Track(PowerAverage average, int steps, Func<double, double> signal)
    {
        double[] history = new double[steps];
        double value = double.NaN;
        for (int t = 1; t <= steps; t++)
        {
            double beta = average.Beta(t, 1);
            value = (beta == 0 ? 0 : beta * value) + (1 - beta) * signal(t);
            history[t - 1] = value;
        }

        return history;
    }
}
