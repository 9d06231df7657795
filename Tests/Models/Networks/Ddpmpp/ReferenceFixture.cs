using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// Random weights and inputs, with the results of <see cref="ReferenceDdpmpp"/>: F by its loops, derivatives by central
/// differences of them, good to 1e-8. Written as a fixture in the form that <c>verify</c> reads.
/// </summary>
internal sealed class ReferenceFixture
{
    private const double Step = 1e-5;
    private readonly Dictionary<string, double[]> weights = [];
    private readonly Dictionary<string, (long[] Shape, float[] Values)> tensors = [];
    private readonly Random random;
    private readonly ReferenceDdpmpp reference;
    private readonly int batch;
    private readonly int[] labels;

    public ReferenceFixture(DdpmppConfig config, int batch, int seed = 1)
    {
        Config = config;
        this.batch = batch;
        random = new Random(seed);
        foreach (ParameterSpec parameter in new DdpmppNetwork(config).Parameters)
        {
            // Nothing is near zero, as initial weights are, so that no term can hide.
            string[] parts = parameter.Name.Split('.');
            bool norm = parts[^1] == "weight" && parts[^2].Contains("norm", StringComparison.Ordinal);
            double scale = parameter.FileShape.Length > 1 ? 1 / Math.Sqrt(parameter.Shape.Count / parameter.Shape[0]) : 0.3;
            Put($"param.{parameter.Name}", parameter.FileShape, Normal((int)parameter.Shape.Count, scale, norm ? 1 : 0));
            weights[parameter.Name] = Widen($"param.{parameter.Name}");
        }

        long[] images = [batch, config.ImageChannels, config.Resolution, config.Resolution];
        int count = batch * config.ImageChannels * config.Resolution * config.Resolution;
        foreach (string name in new[] { "x", "tangent.x", "cotangent" })
            Put(name, images, Normal(count, 1));
        Put("t", [batch], [.. Enumerable.Range(0, batch).Select(_ => (float)(0.03 + 1.5 * random.NextDouble()))]);
        Put("tangent.t", [batch], Normal(batch, 1));
        labels = [.. Enumerable.Range(0, batch).Select(_ => config.LabelCount > 0 ? random.Next(config.LabelCount) : -1)];
        if (config.LabelCount > 0)
        {
            IEnumerable<int> classes = Enumerable.Range(0, config.LabelCount);
            Put("labels", [batch, config.LabelCount], [.. labels.SelectMany(label => classes.Select(l => l == label ? 1f : 0f))]);
        }

        reference = new ReferenceDdpmpp(config, weights);
        Put("F", images, Narrow(Forward(0)));
        Put("JVP", images, Narrow([.. Forward(Step).Zip(Forward(-Step), (up, down) => (up - down) / (2 * Step))]));
    }

    public DdpmppConfig Config { get; }

    public IReadOnlyDictionary<string, double[]> Weights => weights;

    /// <summary>The values of a tensor, for tests that spoil one.</summary>
    public float[] this[string name] => tensors[name].Values;

    /// <summary>Adds the gradient of every weight.</summary>
    public ReferenceFixture WithGradients()
    {
        foreach ((string name, double[] weight) in weights)
        {
            float[] gradient = new float[weight.Length];
            for (int i = 0; i < weight.Length; i++)
            {
                double[] direction = new double[weight.Length];
                direction[i] = 1;
                gradient[i] = (float)Directional(name, direction);
            }

            Put($"grad.{name}", tensors[$"param.{name}"].Shape, gradient);
        }

        return this;
    }

    /// <summary>The derivative of sum(cotangent F) along a change of one weight tensor, in EDM's order.</summary>
    public double Directional(string name, double[] direction)
    {
        double[] weight = weights[name], original = [.. weight];
        double Loss(double step)
        {
            for (int i = 0; i < weight.Length; i++)
                weight[i] = original[i] + step * direction[i];
            return Forward(0).Zip(this["cotangent"], (f, u) => f * u).Sum();
        }

        double difference = (Loss(Step) - Loss(-Step)) / (2 * Step);
        original.CopyTo(weight, 0);
        return difference;
    }

    public string Save(string path, Func<string, bool>? without = null, Action<SafetensorsWriter>? with = null)
    {
        var writer = new SafetensorsWriter();
        writer.SetMetadata("config", Config.ToJson());
        foreach ((string name, (long[] shape, float[] values)) in tensors.Where(tensor => without?.Invoke(tensor.Key) != true))
            writer.Add(name, shape, (ReadOnlyMemory<float>)values);
        with?.Invoke(writer);
        writer.Save(path);
        return path;
    }

    /// <summary>F of all images, (N, C, H, W), at inputs moved along the tangent.</summary>
    private double[] Forward(double step)
    {
        double[] x = Moved("x", step), t = Moved("t", step);
        double[][][] images = [.. x.Chunk(Config.Resolution * Config.Resolution).Chunk(Config.ImageChannels)];
        return [.. images.SelectMany((image, n) => reference.Forward(image, t[n], labels[n]).SelectMany(plane => plane))];
    }

    private double[] Moved(string name, double step) =>
        [.. Widen(name).Zip(Widen($"tangent.{name}"), (value, tangent) => value + step * tangent)];

    private double[] Widen(string name) => Array.ConvertAll(this[name], value => (double)value);

    private static float[] Narrow(double[] values) => Array.ConvertAll(values, value => (float)value);

    private void Put(string name, IEnumerable<long> shape, float[] values) => tensors[name] = ([.. shape], values);

    private float[] Normal(int count, double scale, double mean = 0) => [.. Enumerable.Range(0, count).Select(_ =>
        (float)(mean + scale * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];
}
