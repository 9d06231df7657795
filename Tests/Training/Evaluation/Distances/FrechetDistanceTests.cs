using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class FrechetDistanceTests
{
    private const int Width = 32;

    private static readonly FeatureRows A = SlowDistances.Features(160, Width, 1), B = SlowDistances.Features(120, Width, 2, 0.07), Few = SlowDistances.Features(20, Width, 3, 0.02);

    [Fact]
    public void Moments_are_those_of_plain_loops()
    {
        (double[] mean, double[,] covariance) = SlowDistances.Moments(A);
        Moments moments = Moments.Of(A);
        Assert.Equal(A.Count, moments.Count);
        Assert.All(mean.Zip(moments.Mean), pair => Assert.Equal(pair.First, pair.Second, 1e-15));
        Assert.All(SlowAlgebra.Flat(covariance).Zip(moments.Covariance), pair => Assert.Equal(pair.First, pair.Second, 1e-15));
        Assert.Null(moments.Fault());
    }

    /// <summary>However rows are handed over, the bits are the same; sums of parts differ only by rounding.</summary>
    [Fact]
    public void Moments_do_not_depend_on_how_rows_are_handed_over()
    {
        FeatureRows rows = SlowDistances.Features(MomentSums.Part + 300, 5, 4);
        Moments whole = Moments.Of(rows);
        var pieces = new MomentSums(5);
        for (int i = 0; i < rows.Count; i += 7)
            pieces.Add(rows.Values.AsSpan(i * 5, Math.Min(7, rows.Count - i) * 5));
        Assert.Equal(rows.Count, pieces.Count);
        Assert.Equal(whole.Covariance, pieces.ToMoments().Covariance);
        MomentSums first = new(5), second = new(5);
        first.Add(rows.Values.AsSpan(0, 400 * 5));
        second.Add(rows.Values.AsSpan(400 * 5));
        first.Add(second);
        Assert.All(whole.Covariance.Zip(first.ToMoments().Covariance), pair => Assert.Equal(pair.First, pair.Second, 1e-15));
        Assert.All(whole.Mean.Zip(first.ToMoments().Mean), pair => Assert.Equal(pair.First, pair.Second, 1e-15));
    }

    /// <summary>With means of 4096 and deviations of 1 the sums of squares alone would lose seven of sixteen digits.</summary>
    [Fact]
    public void Large_means_cost_no_digits()
    {
        FeatureRows rows = SlowDistances.Features(1000, 4, 5);
        var shifted = new FeatureRows([.. rows.Values.Select(value => MathF.Round(value * 256) / 256 + 4096)], 1000, 4);
        var plain = new FeatureRows([.. rows.Values.Select(value => MathF.Round(value * 256) / 256)], 1000, 4);
        Assert.All(Moments.Of(plain).Covariance.Zip(Moments.Of(shifted).Covariance), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
    }

    [Fact]
    public void Moments_refuse_what_they_cannot_be_made_of()
    {
        Assert.Contains("not finite", Assert.Throws<ArgumentException>(() => Moments.Of(new FeatureRows([1, float.NaN, 2, 3], 2, 2))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Moments.Of(new FeatureRows([1, 2], 1, 2)));
        Assert.Throws<ArgumentException>(() => new MomentSums(2).Add(new float[3]));
        Assert.Throws<ArgumentException>(() => FrechetDistance.Between(Moments.Of(A), Moments.Of(SlowDistances.Features(20, 3, 1))));
    }

    [Fact]
    public void The_distance_is_that_of_symmetric_roots()
    {
        double expected = SlowDistances.Frechet(A, B);
        Moments a = Moments.Of(A), b = Moments.Of(B);
        Assert.InRange(expected, 0.05, 10);
        Assert.Equal(1, FrechetDistance.Between(a, b).Distance / expected, 1e-10);
        Assert.Equal(1, FrechetDistance.Between(b, a).Distance / expected, 1e-10);
        Assert.Equal(1, FrechetDistance.Between(A, b).Distance / expected, 1e-10);
        Assert.Equal(0, FrechetDistance.Between(a, a).Distance, 1e-13);
    }

    /// <summary>A covariance of fewer images than features is singular: by its moments on either side, or by its rows themselves.</summary>
    [Fact]
    public void Singular_covariances_need_no_offset()
    {
        double expected = SlowDistances.Frechet(A, Few);
        Moments a = Moments.Of(A), few = Moments.Of(Few);
        double direct = FrechetDistance.Between(Few, a).Distance;
        Assert.Equal(1, direct / expected, 1e-7); // Jacobi's own zero eigenvalues are about 1e-17, and their roots 1e-9
        Assert.Equal(1, FrechetDistance.Between(a, few).Distance / direct, 1e-12);
        Assert.Equal(1, FrechetDistance.Between(few, a).Distance / direct, 1e-12);
        Assert.Equal(0, FrechetDistance.Between(Few, few).Distance, 1e-12);
        Assert.Equal(0, FrechetDistance.Between(few, few).Distance, 1e-12);
    }

    /// <summary>Diagonal covariances by hand: the sum of (s1 - s2)^2 of the deviations. From 1 to 1e-12 they exceed what the root of a product of squares could tell.</summary>
    [Fact]
    public void Deviations_over_many_decades_are_told_apart()
    {
        const int width = 60;
        double[] s1 = new double[width * width], s2 = new double[width * width];
        double expected = 0;
        for (int i = 0; i < width; i++)
        {
            double first = Math.Pow(10, -i / 10.0), second = Math.Pow(10, -(i + 2) / 10.0);
            (s1[i * width + i], s2[i * width + i]) = (first * first, second * second);
            expected += (first - second) * (first - second);
        }

        Moments a = new(0, new double[width], s1), b = new(0, new double[width], s2);
        Assert.Equal(1, FrechetDistance.Between(a, b).Distance / expected, 1e-12);
        var shifted = new Moments(0, [2, .. new double[width - 1]], s2);
        Assert.Equal(4 + expected, FrechetDistance.Between(a, shifted).Distance, 1e-12);
        Assert.Equal(a.Covariance.Where((_, i) => i % (width + 1) == 0).Sum(), FrechetDistance.Between(a, new Moments(0, new double[width], new double[width * width])).Distance, 1e-15);
    }

    /// <summary>What other programs do, or could, changes the value by far more than the tolerance of the tests above.</summary>
    [Fact]
    public void Every_convention_shows_in_the_value()
    {
        double right = SlowDistances.Frechet(A, B), singular = SlowDistances.Frechet(A, Few);
        Assert.True(Math.Abs(SlowDistances.Frechet(A, B, lessOne: 0) - right) > 1e-4 * right);
        Assert.True(Math.Abs(SlowDistances.Frechet(A, B, offset: 1e-6) - right) > 1e-5 * right);
        Assert.True(Math.Abs(SlowDistances.Frechet(A, Few, offset: 1e-6) - singular) > 1e-4 * singular);
    }

    [Fact]
    public void Distances_at_infinity_follow_the_line_over_1_by_n()
    {
        FeatureRows many = SlowDistances.Features(400, 4, 9), other = SlowDistances.Features(400, 4, 10, 0.05);
        Moments reference = Moments.Of(many);
        Assert.Equal([40, 65, 91, 117, 142, 168, 194, 220, 245, 271, 297, 322, 348, 374, 400], FrechetInfinity.SizesOf(400));
        Assert.Equal((5000, 50000), (FrechetInfinity.SizesOf(50000)[0], FrechetInfinity.SizesOf(50000)[^1]));
        double whole = FrechetDistance.Between(Moments.Of(other), reference).Distance, infinite = FrechetInfinity.Between(other, reference);
        Assert.Equal(infinite, FrechetInfinity.Between(other, reference));
        Assert.InRange(infinite, whole - 0.05, whole);
        Assert.Throws<ArgumentException>(() => FrechetInfinity.SizesOf(19));
    }
}
