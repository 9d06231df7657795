using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>Relative L2 error over sampled elements: sqrt(sum (y - reference)^2 / sum reference^2).</summary>
public sealed class SampledError
{
    private double difference, norm;

    /// <summary>Relative L2 error of all elements added; NaN if one of them is NaN.</summary>
    public double Relative => Math.Sqrt(difference / norm);

    /// <summary>Adds the elements of a tensor without tangent at the given indices.</summary>
    public SampledError Add(Tensor actual, IEnumerable<long> places, Func<long, double> reference)
    {
        foreach (long place in places)
            Add(Read(actual, place), reference(place));
        return this;
    }

    /// <summary>Adds consecutive elements of a tensor without tangent, from index <paramref name="start"/> on.</summary>
    public SampledError Add(Tensor actual, long start, ReadOnlySpan<double> reference)
    {
        float[] values = Read(actual, start, reference.Length);
        for (int i = 0; i < values.Length; i++)
            Add(values[i], reference[i]);
        return this;
    }

    /// <summary>Indices in [0, count): both ends, where borders lie, and random ones between; the same on every call.</summary>
    public static IEnumerable<long> Places(long count, int samples)
    {
        var random = new Random(7);
        return [0, count - 1, .. Enumerable.Range(0, samples).Select(_ => random.NextInt64(count))];
    }

    private static double Read(Tensor tensor, long place) => Read(tensor, place, 1)[0];

    private static float[] Read(Tensor tensor, long start, int count)
    {
        Tensor slice = tensor.Slice(start, new Shape(count));
        if (tensor.Type != DType.BFloat16)
            return slice.ToArray();
        var stored = new BFloat16[count];
        slice.Download(stored.AsSpan());
        return Array.ConvertAll(stored, BFloat16.ToSingle);
    }

    private void Add(double actual, double reference)
    {
        difference += (actual - reference) * (actual - reference);
        norm += reference * reference;
    }
}
