using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Inception with random weights, for measurements and for tests where nobody brought the weights of 2015. Distances between its features are deterministic and see
/// changes of images, but they are not FID, and the network's name says so.
/// </summary>
public static class RandomInception
{
    internal const string MetadataKey = "feature_weights", Random = "random";

    /// <summary>Writes a file that <see cref="FeatureNetworkFile"/> reads: the same bytes for the same seed.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="seed">Seed.</param>
    /// <param name="divisor">Number by which all numbers of channels are divided, 1 for the whole network.</param>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The divisor is below 1.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    public static void Save(string path, ulong seed = 0, int divisor = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(divisor, 1);
        var writer = new SafetensorsWriter();
        writer.SetMetadata(MetadataKey, Random);
        (int index, int channels) = (0, ImageResize.Channels);
        foreach ((_, InceptionStep step) in InceptionTable.Stem)
            channels = Add("", step, channels);
        foreach (InceptionBlock block in InceptionTable.Blocks)
        {
            int inputs = channels;
            channels = block.Branches.Sum(branch => branch.Aggregate(inputs, (from, step) => Add($"{block.Name}.", step, from)));
        }

        int classes = Math.Max(1, InceptionNetwork.WholeClasses / divisor);
        Draw("fc.weight", InitialValues.Normal(MathF.Sqrt(1f / channels)), 0, classes, channels);
        Draw("fc.bias", InitialValues.Normal(0.2f), 0, classes);
        writer.Save(path);

        int Add(string prefix, InceptionStep step, int inputs)
        {
            if (step is InceptionFork fork)
                return Add(prefix, fork.First, inputs) + Add(prefix, fork.Second, inputs);
            if (step is not InceptionConv conv)
                return inputs;
            int outputs = Math.Max(1, conv.Channels / divisor);
            string name = prefix + conv.Name;
            Draw($"{name}.conv.weight", InitialValues.Normal(MathF.Sqrt(2f / (inputs * conv.Window.Height * conv.Window.Width))), 0, outputs, inputs, conv.Window.Height, conv.Window.Width);
            Draw($"{name}.bn.weight", InitialValues.Uniform(0.25f), 1, outputs);
            Draw($"{name}.bn.bias", InitialValues.Normal(0.2f), 0, outputs);
            Draw($"{name}.bn.running_mean", InitialValues.Normal(0.2f), 0, outputs);
            Draw($"{name}.bn.running_var", InitialValues.Uniform(0.5f), 1, outputs);
            return outputs;
        }

        void Draw(string name, InitialValues values, float mean, params long[] shape)
        {
            float[] drawn = values.Draw((int)shape.Aggregate(1L, (product, extent) => product * extent), seed, index++);
            writer.Add(name, shape, Array.ConvertAll(drawn, value => mean + value));
        }
    }
}
