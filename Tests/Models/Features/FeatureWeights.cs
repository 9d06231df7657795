using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Models;

/// <summary>Random weights by name, in the shapes of files, for tests to write, change and read.</summary>
internal sealed class FeatureWeights(int seed)
{
    private readonly Random random = new(seed);
    private readonly Dictionary<string, (long[] Shape, float[] Values)> tensors = new(StringComparer.Ordinal);

    /// <summary>Values of a tensor in float64, in the order of the file.</summary>
    public double[] this[string name] => Array.ConvertAll(tensors[name].Values, value => (double)value);

    /// <summary>Names in order.</summary>
    public IEnumerable<string> Names => tensors.Keys;

    /// <summary>Extents of a tensor.</summary>
    public long[] Shape(string name) => tensors[name].Shape;

    /// <summary>Adds normally distributed values.</summary>
    public void Add(string name, double mean, double deviation, params long[] shape) => tensors.Add(name, (shape, [.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b))
        .Select(_ => (float)(mean + deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))]));

    /// <summary>Adds filters (K, C, R, S) and a batch norm whose factors and variances are positive.</summary>
    public void AddConvolution(string filters, string[] norm, params long[] shape)
    {
        Add(filters, 0, Math.Sqrt(2.0 / (shape[1] * shape[2] * shape[3])), shape);
        Add(norm[0], 1, 0.1, shape[0]);
        Add(norm[1], 0, 0.2, shape[0]);
        Add(norm[2], 0, 0.2, shape[0]);
        Add(norm[3], 1, 0.1, shape[0]);
    }

    /// <summary>Replaces a tensor, or adds one.</summary>
    public void Set(string name, long[] shape, float[] values) => tensors[name] = (shape, values);

    /// <summary>Removes a tensor.</summary>
    public void Remove(string name) => tensors.Remove(name);

    /// <summary>Writes all tensors under names with a prefix.</summary>
    public void Write(SafetensorsWriter writer, string prefix = "")
    {
        foreach ((string name, (long[] shape, float[] values)) in tensors)
            writer.Add(prefix + name, shape, (ReadOnlyMemory<float>)values);
    }

    /// <summary>Writes a file with all tensors.</summary>
    public string Save(string path)
    {
        var writer = new SafetensorsWriter();
        Write(writer);
        writer.Save(path);
        return path;
    }

    /// <summary>Filters (K, C, R, S) of the file as (K, R, S, C), multiplied by gamma / sqrt(variance + eps), and the bias that a batch norm leaves.</summary>
    public (double[] Weight, double[] Bias) Folded(string filters, string[] norm, double epsilon)
    {
        (long[] shape, double[] stored) = (tensors[filters].Shape, this[filters]);
        (int k, int c, int taps) = ((int)shape[0], (int)shape[1], (int)(shape[2] * shape[3]));
        double[][] values = [.. norm.Select(name => this[name])];
        double[] factor = [.. values[0].Select((gamma, i) => gamma / Math.Sqrt(values[3][i] + epsilon))], weight = new double[stored.Length];
        for (int i = 0; i < weight.Length; i++)
            weight[(i / (c * taps) * taps + i % taps) * c + i / taps % c] = stored[i] * factor[i / (c * taps)];
        return (weight, [.. factor.Select((each, i) => values[1][i] - values[2][i] * each)]);
    }

    /// <summary>Smooth pictures with noise, some of whose values are 0 or 255.</summary>
    public static byte[] Pictures(int count, int height, int width, int seed)
    {
        var random = new Random(seed);
        return
        [
            .. from n in Enumerable.Range(0, count)
               from y in Enumerable.Range(0, height)
               from x in Enumerable.Range(0, width)
               from c in Enumerable.Range(0, 3)
               select (byte)Math.Clamp(128 + 110 * Math.Sin((0.3 + 0.1 * n) * x + c) * Math.Cos(0.21 * y - n) + 60 * (random.NextDouble() - 0.5), 0, 255),
        ];
    }
}
