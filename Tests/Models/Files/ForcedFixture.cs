using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;

namespace TrigFlowNative.Tests.Models;

/// <summary>A fixture of <see cref="ForcedNetwork"/>: results by float64 loops and their central differences, with forced weights and with the weights as they are.</summary>
internal sealed class ForcedFixture
{
    private const int Images = 3, Channels = ForcedNetwork.Channels, Embedding = ForcedNetwork.Embedding;
    private const double Step = 1e-5;
    private static readonly Dictionary<string, int> Starts = new() { ["gain"] = 0, ["a"] = 1, ["b"] = 26, ["l"] = 46 };
    private static readonly WeightNormPart[] Parts = ForcedNetwork.Parts(name => Starts[name]);
    private readonly Dictionary<string, (long[] Shape, float[] Values)> tensors = [];
    private readonly Random random = new(5);
    private readonly ForcedNetwork network = new();

    public ForcedFixture()
    {
        float[] weights = new float[50];
        foreach (ParameterSpec parameter in network.Parameters)
        {
            // Norms of 0.2 to 0.9, which forcing changes by some 1e-4.
            float[] values = [.. Enumerable.Range(0, (int)parameter.Shape.Count).Select(_ => (float)(random.NextDouble() * 1.4 - 0.5))];
            values.CopyTo(weights, Starts[parameter.Name]);
            tensors[$"param.{parameter.Name}"] = ([.. parameter.FileShape], values);
        }

        foreach (string name in new[] { "x", "tangent.x", "cotangent" })
            tensors[name] = ([Images, Channels, 1, 1], Draw(Images * Channels));
        foreach (string name in new[] { "t", "tangent.t", "cotangent.logvar" })
            tensors[name] = ([Images], Draw(Images));
        double[] raw = Widen(weights);
        Put("", WeightNormReference.Forced(raw, Parts));
        Put("eval.", raw);
    }

    /// <summary>The values of a tensor, for tests that spoil one.</summary>
    public float[] this[string name] => tensors[name].Values;

    public string Save(string path, Func<string, bool>? without = null, Action<SafetensorsWriter>? with = null)
    {
        var writer = new SafetensorsWriter();
        writer.SetMetadata("config", network.Config.ToJson());
        foreach ((string name, (long[] shape, float[] values)) in tensors.Where(tensor => without?.Invoke(tensor.Key) != true))
            writer.Add(name, shape, (ReadOnlyMemory<float>)values);
        with?.Invoke(writer);
        writer.Save(path);
        return path;
    }

    /// <summary>Adds what follows from stored weights.</summary>
    private void Put(string prefix, double[] stored)
    {
        double[] jvp = [.. F(stored, Step).Zip(F(stored, -Step), (up, down) => (up - down) / (2 * Step))];
        tensors[$"{prefix}F"] = (tensors["x"].Shape, Narrow(F(stored, 0)));
        tensors[$"{prefix}JVP"] = (tensors["x"].Shape, Narrow(jvp));
        tensors[$"{prefix}logvar"] = ([Images], Narrow(Logvar(stored)));
        double[] gradient = [.. Enumerable.Range(0, stored.Length).Select(i => (Loss(Moved(stored, i, Step)) - Loss(Moved(stored, i, -Step))) / (2 * Step))];
        foreach (ParameterSpec parameter in network.Parameters)
            tensors[$"{prefix}grad.{parameter.Name}"] = ([.. parameter.FileShape], Narrow(gradient.AsSpan(Starts[parameter.Name], (int)parameter.Shape.Count).ToArray()));
    }

    private double Loss(double[] stored) => Dot(F(stored, 0), "cotangent") + Dot(Logvar(stored), "cotangent.logvar");

    private double[] F(double[] stored, double along)
    {
        double[] compute = WeightNormReference.Compute(stored, Parts), x = Inputs("x", along), t = Inputs("t", along), f = new double[x.Length];
        for (int i = 0; i < f.Length; i++)
        {
            int n = i / Channels, row = i % Channels;
            for (int c = 0; c < Channels; c++)
                f[i] += compute[Starts["a"] + row * Channels + c] * x[n * Channels + c];
            for (int c = 0; c < Embedding; c++)
                f[i] += compute[Starts["b"] + row * Embedding + c] * Embed(t[n])[c];
        }

        return f;
    }

    private double[] Logvar(double[] stored)
    {
        double[] compute = WeightNormReference.Compute(stored, Parts);
        return [.. Inputs("t", 0).Select(t => Embed(t).Select((e, c) => compute[Starts["l"] + c] * e).Sum())];
    }

    private static double[] Embed(double t) => [.. new[] { Math.Cos(t), Math.Cos(t / 10000), Math.Sin(t), Math.Sin(t / 10000) }.Select(e => Math.Sqrt(2) * e)];

    private double[] Inputs(string name, double along) => [.. Widen(this[name]).Zip(this[$"tangent.{name}"], (value, tangent) => value + along * tangent)];

    private double Dot(double[] values, string cotangent) => values.Zip(this[cotangent], (value, u) => value * u).Sum();

    private float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 1.5 + 0.03))];

    private static double[] Moved(double[] values, int index, double by)
    {
        double[] moved = [.. values];
        moved[index] += by;
        return moved;
    }

    private static double[] Widen(float[] values) => Array.ConvertAll(values, value => (double)value);

    private static float[] Narrow(double[] values) => Array.ConvertAll(values, value => (float)value);
}
