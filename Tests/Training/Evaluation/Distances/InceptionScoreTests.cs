using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class InceptionScoreTests
{
    /// <summary>Sure of one of C classes, all equally often: C. Unsure of everything: 1.</summary>
    [Fact]
    public void The_extremes_are_1_and_the_number_of_classes()
    {
        var sure = new FeatureRows([.. Enumerable.Range(0, 40 * 4).Select(i => i % 4 == i / 4 % 4 ? 200f : 0)], 40, 4);
        (double mean, double deviation) = InceptionScore.Of(sure, splits: 5);
        Assert.Equal(4, mean, 1e-12);
        Assert.Equal(0, deviation, 1e-12);
        Assert.Equal(1, InceptionScore.Of(new FeatureRows(new float[40 * 4], 40, 4)).Mean, 1e-12);
    }

    [Fact]
    public void Splits_are_consecutive_and_their_deviation_is_of_the_population()
    {
        FeatureRows logits = SlowDistances.Features(53, 7, 1);
        double[] expected = [.. Enumerable.Range(0, 10).Select(split => Score(logits, split * 53 / 10, (split + 1) * 53 / 10))];
        Assert.All(expected.Zip(InceptionScore.OfSplits(logits, 10)), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
        Assert.Equal(Math.Sqrt(expected.Average(score => Math.Pow(score - expected.Average(), 2))), InceptionScore.Of(logits).Deviation, 1e-12);
        int[] order = [.. Enumerable.Range(0, 53).Reverse()];
        Assert.NotEqual(InceptionScore.Of(logits).Mean, InceptionScore.Of(logits.Take(order)).Mean, 1e-9);
    }

    /// <summary>The last layer's bias is left out: with it the score is another.</summary>
    [Fact]
    public void A_bias_shows_in_the_value()
    {
        FeatureRows logits = SlowDistances.Features(50, 7, 1);
        var biased = new FeatureRows([.. logits.Values.Select((value, i) => value + i % 7)], 50, 7);
        Assert.NotEqual(InceptionScore.Of(logits).Mean, InceptionScore.Of(biased).Mean, 1e-6);
    }

    [Fact]
    public void What_has_no_score_is_refused()
    {
        Assert.Throws<ArgumentException>(() => InceptionScore.Of(new FeatureRows(new float[9], 9, 1)));
        Assert.ThrowsAny<Exception>(() => InceptionScore.Of(new FeatureRows([.. Enumerable.Repeat(float.NaN, 20)], 20, 1)));
    }

    internal static double Score(FeatureRows logits, int first, int end)
    {
        double[][] p = [.. Enumerable.Range(first, end - first).Select(n =>
        {
            double[] exponentials = [.. logits[n].ToArray().Select(logit => Math.Exp(logit))];
            return exponentials.Select(value => value / exponentials.Sum()).ToArray();
        })];
        double[] q = [.. Enumerable.Range(0, logits.Width).Select(c => p.Average(each => each[c]))];
        return Math.Exp(p.Average(each => each.Select((value, c) => value * Math.Log(value / q[c])).Sum()));
    }
}
