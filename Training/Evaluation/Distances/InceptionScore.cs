namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Inception score (Salimans et al., arXiv:1606.03498): the exponential of the mean divergence of the class probabilities of an image from those of all images, bigger is
/// better. It knows nothing of the reference. From 1 to the number of classes.
/// </summary>
public static class InceptionScore
{
    /// <summary>Parts into which images are split.</summary>
    public const int Splits = 10;

    /// <summary>Mean and population deviation over consecutive parts of the images, as ADM takes them.</summary>
    /// <param name="logits">Logits without the last layer's bias, a row for each image.</param>
    /// <param name="splits">Number of parts, at least 1.</param>
    /// <exception cref="ArgumentException">There are fewer images than parts, or logits that are not finite.</exception>
    public static (double Mean, double Deviation) Of(FeatureRows logits, int splits = Splits)
    {
        double[] scores = OfSplits(logits, splits);
        double mean = scores.Average();
        return (mean, Math.Sqrt(scores.Sum(score => (score - mean) * (score - mean)) / splits));
    }

    /// <summary>The score of each part: images i n / splits to (i + 1) n / splits.</summary>
    internal static double[] OfSplits(FeatureRows logits, int splits)
    {
        ArgumentNullException.ThrowIfNull(logits);
        ArgumentOutOfRangeException.ThrowIfLessThan(splits, 1);
        if (logits.Count < splits)
            throw new ArgumentException($"Inception score: {logits.Count} images are too few for {splits} splits");
        double[] scores = new double[splits];
        Threads.For(splits, split =>
        {
            int first = (int)((long)split * logits.Count / splits), end = (int)((long)(split + 1) * logits.Count / splits);
            double[] total = new double[logits.Width], probabilities = new double[logits.Width];
            double negativeEntropies = 0;
            for (int i = first; i < end; i++)
                negativeEntropies += AddImage(logits[i], probabilities, total);
            double divergence = negativeEntropies / (end - first);
            foreach (double sum in total)
                divergence -= sum > 0 ? sum / (end - first) * Math.Log(sum / (end - first)) : 0;
            scores[split] = Math.Exp(divergence);
        });
        return scores;
    }

    /// <summary>Adds an image's probabilities to the sums, and returns the sum of p log p.</summary>
    private static double AddImage(ReadOnlySpan<float> logits, double[] probabilities, double[] total)
    {
        double largest = double.NegativeInfinity, sum = 0, weighted = 0;
        foreach (float logit in logits)
            largest = Math.Max(largest, logit);
        if (!double.IsFinite(largest))
            throw new ArgumentException("Inception score: logits are not finite");
        for (int c = 0; c < logits.Length; c++)
            sum += probabilities[c] = Math.Exp(logits[c] - largest);
        for (int c = 0; c < logits.Length; c++)
        {
            double p = probabilities[c] / sum;
            total[c] += p;
            weighted += p * (logits[c] - largest);
        }

        return weighted - Math.Log(sum);
    }
}
