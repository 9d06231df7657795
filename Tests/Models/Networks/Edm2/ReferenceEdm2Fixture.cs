using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// Random weights and inputs, with the results of <see cref="ReferenceEdm2"/>, of forced weights and of the weights as they are: F and logvar by its loops,
/// derivatives by central differences of them, good to 1e-8. Written as a fixture in the form that <c>verify</c> reads.
/// </summary>
internal sealed class ReferenceEdm2Fixture
{
    private const double Step = 1e-5;
    private readonly Dictionary<string, (long[] Shape, float[] Values)> tensors = [];
    private readonly Dictionary<string, double[]> raw = [];
    private readonly IReadOnlyList<ParameterSpec> parameters;
    private readonly Random random;
    private readonly int batch;
    private readonly int[] labels;

    /// <param name="config">The network.</param>
    /// <param name="batch">Number of images, the last without class.</param>
    /// <param name="seed">Seed of all numbers.</param>
    public ReferenceEdm2Fixture(Edm2Config config, int batch, int seed = 1)
    {
        Config = config;
        this.batch = batch;
        random = new Random(seed);
        parameters = config.Build().Parameters;
        foreach (ParameterSpec parameter in parameters)
        {
            int count = (int)parameter.Shape.Count, columns = parameter.FileShape.IsEmpty ? 1 : count / (int)parameter.FileShape[0];
            double[] norms = Normal(count / columns); // rows of different norms, and gains that are not 0
            float[] values = parameter.FileShape.IsEmpty ? [0.8f] : [.. Normal(count).Select((value, i) => (float)(value * Math.Exp(0.4 * norms[i / columns])))];
            tensors[$"param.{parameter.Name}"] = ([.. parameter.FileShape], values);
            raw[parameter.Name] = Array.ConvertAll(values, value => (double)value);
        }

        long[] images = [batch, config.ImageChannels, config.Resolution, config.Resolution];
        foreach (string name in new[] { "x", "tangent.x", "cotangent" })
            tensors[name] = (images, Narrow(Normal(batch * config.ImageChannels * config.Resolution * config.Resolution)));
        tensors["t"] = ([batch], [.. Enumerable.Range(0, batch).Select(_ => (float)(0.03 + 1.5 * random.NextDouble()))]);
        foreach (string name in new[] { "tangent.t", "cotangent.logvar" })
            tensors[name] = ([batch], Narrow(Normal(batch)));
        labels = [.. Enumerable.Range(0, batch).Select(n => config.LabelCount > 0 && n < batch - 1 ? random.Next(config.LabelCount) : -1)];
        if (config.LabelCount > 0)
            tensors["labels"] = ([batch, config.LabelCount], [.. labels.SelectMany(label => Enumerable.Range(0, config.LabelCount).Select(l => l == label ? 1f : 0f))]);
        Put("", parameters.ToDictionary(parameter => parameter.Name, parameter => ReferenceEdm2.Forced(parameter, raw[parameter.Name])));
        Put("eval.", raw);
    }

    public Edm2Config Config { get; }

    /// <summary>The values of a tensor.</summary>
    public float[] this[string name] => tensors[name].Values;

    public string Save(string path)
    {
        var writer = new SafetensorsWriter();
        writer.SetMetadata("config", Config.ToJson());
        foreach ((string name, (long[] shape, float[] values)) in tensors)
            writer.Add(name, shape, (ReadOnlyMemory<float>)values);
        writer.Save(path);
        return path;
    }

    /// <summary>Adds what follows from stored weights.</summary>
    private void Put(string prefix, Dictionary<string, double[]> stored)
    {
        var network = new ReferenceEdm2(Config, stored);
        double[] jvp = [.. F(network, Step).Zip(F(network, -Step), (up, down) => (up - down) / (2 * Step))];
        tensors[$"{prefix}F"] = (tensors["x"].Shape, Narrow(F(network, 0)));
        tensors[$"{prefix}JVP"] = (tensors["x"].Shape, Narrow(jvp));
        tensors[$"{prefix}logvar"] = ([batch], Narrow(Logvar(network)));
        foreach (ParameterSpec parameter in parameters)
            tensors[$"{prefix}grad.{parameter.Name}"] = ([.. parameter.FileShape], Gradient(stored, parameter.Name));
    }

    /// <summary>Moves each value of a parameter, in a copy of it for each thread.</summary>
    private float[] Gradient(Dictionary<string, double[]> stored, string name)
    {
        float[] gradient = new float[stored[name].Length];
        Parallel.For(0, gradient.Length, Start, Move, _ => { });
        return gradient;

        (double[] Moved, ReferenceEdm2 Network) Start()
        {
            double[] moved = [.. stored[name]];
            return (moved, new ReferenceEdm2(Config, new Dictionary<string, double[]>(stored) { [name] = moved }));
        }

        (double[], ReferenceEdm2) Move(int i, ParallelLoopState state, (double[] Moved, ReferenceEdm2 Network) own)
        {
            double LossAt(double value)
            {
                own.Moved[i] = value;
                own.Network.Forget(name);
                return Loss(own.Network);
            }

            gradient[i] = (float)((LossAt(stored[name][i] + Step) - LossAt(stored[name][i] - Step)) / (2 * Step));
            own.Moved[i] = stored[name][i];
            return own;
        }
    }

    private double Loss(ReferenceEdm2 network) =>
        F(network, 0).Zip(this["cotangent"], (f, u) => f * u).Sum() + Logvar(network).Zip(this["cotangent.logvar"], (value, u) => value * u).Sum();

    /// <summary>F of all images, (N, C, H, W), at inputs moved along the tangent.</summary>
    private double[] F(ReferenceEdm2 network, double along)
    {
        double[] x = Moved("x", along), t = Moved("t", along);
        double[][][] images = [.. x.Chunk(Config.Resolution * Config.Resolution).Chunk(Config.ImageChannels)];
        return [.. images.SelectMany((image, n) => network.Forward(image, t[n], labels[n]).SelectMany(plane => plane))];
    }

    private double[] Logvar(ReferenceEdm2 network) => [.. Moved("t", 0).Select(network.Logvar)];

    private double[] Moved(string name, double along) => [.. this[name].Zip(this[$"tangent.{name}"], (value, tangent) => value + along * tangent)];

    private double[] Normal(int count) =>
        [.. Enumerable.Range(0, count).Select(_ => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()))];

    private static float[] Narrow(double[] values) => Array.ConvertAll(values, value => (float)value);
}
