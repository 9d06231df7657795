using System.Numerics;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Squared Euclidean distances in float64 from float32 numbers. The order of the sum depends on the width alone, and exchanging the rows changes no bit.</summary>
internal static class ExactDistance
{
    /// <summary>The sum of the squares of the differences.</summary>
    public static double Squared(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        Vector<double> low = default, high = default;
        int i = 0, width = Vector<float>.Count;
        for (; i + width <= x.Length; i += width)
        {
            Vector.Widen(new Vector<float>(x[i..]), out Vector<double> x0, out Vector<double> x1);
            Vector.Widen(new Vector<float>(y[i..]), out Vector<double> y0, out Vector<double> y1);
            low += (x0 - y0) * (x0 - y0);
            high += (x1 - y1) * (x1 - y1);
        }

        double sum = Vector.Sum(low + high);
        for (; i < x.Length; i++)
        {
            double difference = (double)x[i] - y[i];
            sum += difference * difference;
        }

        return sum;
    }
}
