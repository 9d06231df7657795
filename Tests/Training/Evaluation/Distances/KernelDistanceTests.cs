using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class KernelDistanceTests
{
    private static readonly FeatureRows A = SlowDistances.Features(130, 24, 1), B = SlowDistances.Features(110, 24, 2, 0.07);

    [Fact]
    public void All_pairs_give_the_mean_of_plain_loops()
    {
        double expected = SlowDistances.Kernel(A, B);
        Assert.InRange(expected, 1e-3, 1);
        Assert.Equal(1, KernelDistance.Between(A, B) / expected, 1e-11);
        Assert.Equal(1, KernelDistance.Between(B, A) / expected, 1e-11);
        Assert.True(Math.Abs(SlowDistances.Kernel(A, B, biased: true) - expected) > 1e-3 * expected);
    }

    /// <summary>More rows than a block: every pair of blocks is taken, once.</summary>
    [Fact]
    public void Blocks_of_many_rows_add_up()
    {
        FeatureRows many = SlowDistances.Features(1100, 3, 3), others = SlowDistances.Features(1030, 3, 4);
        Assert.Equal(SlowDistances.Kernel(many, others), KernelDistance.Between(many, others), 1e-12);
    }

    /// <summary>Two points on a line, by hand: k(1,2) = 27, k(0,1) = 1 and so on.</summary>
    [Fact]
    public void Two_points_on_a_line()
    {
        FeatureRows x = new([1, 2], 2, 1), y = new([0, 1], 2, 1);
        Assert.Equal(27 + 1 - 2 * (1 + 8 + 1 + 27) / 4.0, KernelDistance.Between(x, y), 1e-12);
    }

    [Fact]
    public void Subsets_are_drawn_from_either_side_in_turn()
    {
        var random = new NumpyRandom(2020);
        double[] values = [.. Enumerable.Range(0, 4).Select(_ =>
        {
            FeatureRows first = A.Take(random.Choice(A.Count, 50)), second = B.Take(random.Choice(B.Count, 50));
            return SlowDistances.Kernel(first, second);
        })];
        (double mean, double deviation) = KernelDistance.OverSubsets(A, B, subsets: 4, size: 50);
        Assert.Equal(1, mean / values.Average(), 1e-11);
        Assert.Equal(Math.Sqrt(values.Average(value => Math.Pow(value - values.Average(), 2))), deviation, 1e-12);
        Assert.NotEqual(mean, KernelDistance.OverSubsets(A, B, subsets: 4, size: 50, seed: 1).Mean);
        Assert.NotEqual(mean, KernelDistance.OverSubsets(A, B, subsets: 4, size: 49).Mean);
        Assert.Equal(KernelDistance.OverSubsets(A, B, 1, 110), KernelDistance.OverSubsets(A, B, 1, 1000));
    }

    /// <summary>numpy.random.RandomState(0).permutation(10), and the first outputs of a Mersenne twister with its usual seed.</summary>
    [Fact]
    public void Random_numbers_are_those_of_NumPy()
    {
        Assert.Equal([2, 8, 4, 9, 1, 6, 7, 3, 0, 5], new NumpyRandom(0).Permutation(10));
        var twister = new NumpyRandom(5489);
        Assert.Equal([3499211612u, 581869302u, 3890346734u, 3586334585u, 545404204u], Enumerable.Range(0, 5).Select(_ => twister.Next()));
        for (int i = 5; i < 9999; i++)
            twister.Next();
        Assert.Equal(4123659995u, twister.Next()); // the 10,000th, which the standard of C++ gives
    }

    [Fact]
    public void What_cannot_be_compared_is_refused()
    {
        Assert.Throws<ArgumentException>(() => KernelDistance.Between(A, SlowDistances.Features(5, 3, 1)));
        Assert.Throws<ArgumentException>(() => KernelDistance.Between(A, A.Take(1)));
    }
}
