using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>The convolutions of a network, as its parameters' names and shapes tell them; a matrix over pixels is a 1x1 convolution.</summary>
internal static class NetworkShapes
{
    /// <summary>Every convolution in the order of the layers.</summary>
    public static IEnumerable<NetworkConvolution> Convolutions(INetwork network)
    {
        foreach ((string name, Shape shape) in network.Parameters.Select(parameter => (parameter.Name, parameter.Shape)))
        {
            // enc.32x32_block0.conv0.weight: the prefix is the resolution of the block's output.
            string[] parts = name.Split('.');
            if (parts[^1] != "weight" || parts[0] is not ("enc" or "dec") || shape.Rank < 2 || parts[2] == "affine")
                continue;
            int size = int.Parse(parts[1].AsSpan(0, parts[1].IndexOf('x', StringComparison.Ordinal)), CultureInfo.InvariantCulture);
            bool beforeUp = parts[2] == "skip" && parts[1].EndsWith("_up", StringComparison.Ordinal); // runs on the small image
            yield return new NetworkConvolution(name[..^".weight".Length], beforeUp ? size / 2 : size, shape.C, shape[0], shape.Rank == 4 ? shape[1] : 1);
        }
    }

    /// <summary>Height and channels of every self-attention, in the order of the layers.</summary>
    public static IEnumerable<(int Size, int Channels)> Attentions(INetwork network) =>
        Convolutions(network).Where(conv => conv.Layer.EndsWith(".qkv", StringComparison.Ordinal)).Select(conv => (conv.Size, conv.C));
}

/// <summary>A convolution of (N, size, size, C) to K channels with R x R taps.</summary>
internal sealed record NetworkConvolution(string Layer, int Size, int C, int K, int R)
{
    /// <summary>Floating-point operations for one image.</summary>
    public double Flops => 2.0 * Size * Size * C * K * R * R;
}
