using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// The DDPM++ U-Net in plain float64 loops, written from its definition and sharing nothing with the network under test: one
/// image at a time as [channel][pixel], weights by EDM's names in EDM's order (K, C, R, S), qkv rows interleaved.
/// </summary>
internal sealed class ReferenceDdpmpp(DdpmppConfig config, IReadOnlyDictionary<string, double[]> weights)
{
    /// <summary>F for one image (C, H, W), a time and a class (-1 for none).</summary>
    public double[][] Forward(double[][] x, double t, int label)
    {
        double[] embedding = Embedding(t, label);
        int levels = config.ChannelMult.Length;
        var skips = new Stack<double[][]>();
        skips.Push(x = Convolution($"enc.{Name(0)}_conv", x, config.Resolution, 3));
        for (int level = 0; level < levels; level++)
        {
            int r = config.Resolution >> level;
            if (level > 0)
                skips.Push(x = Block($"enc.{Name(level)}_down", x, r, embedding, down: true));
            for (int i = 0; i < config.BlocksPerLevel; i++)
                skips.Push(x = Block($"enc.{Name(level)}_block{i}", x, r, embedding, attention: config.AttentionResolutions.Contains(r)));
        }

        for (int level = levels - 1; level >= 0; level--)
        {
            int r = config.Resolution >> level;
            if (level == levels - 1)
            {
                x = Block($"dec.{Name(level)}_in0", x, r, embedding, attention: true);
                x = Block($"dec.{Name(level)}_in1", x, r, embedding);
            }
            else
            {
                x = Block($"dec.{Name(level)}_up", x, r, embedding, up: true);
            }

            for (int i = 0; i <= config.BlocksPerLevel; i++)
            {
                bool attention = i == config.BlocksPerLevel && config.AttentionResolutions.Contains(r);
                x = Block($"dec.{Name(level)}_block{i}", [.. x, .. skips.Pop()], r, embedding, attention: attention);
            }
        }

        x = Convolution($"dec.{Name(0)}_aux_conv", Silu(GroupNorm($"dec.{Name(0)}_aux_norm", x)), config.Resolution, 3);
        return IsEdm ? [.. x.Select(plane => plane.Select(v => -v).ToArray())] : x;
    }

    private bool IsEdm => config.Variant == DdpmppVariant.Edm;

    private double[] Embedding(double t, int label)
    {
        if (IsEdm)
            t = Math.Log(config.SigmaData * Math.Tan(t)) / 4;
        int half = config.ModelChannels / 2;
        double[] embedding = new double[2 * half];
        for (int i = 0; i < half; i++)
        {
            double phase = t * Math.Pow(10000, -(double)i / (half - 1));
            embedding[i] = Math.Sin(phase);
            embedding[half + i] = Math.Cos(phase);
        }

        if (config.LabelCount > 0)
        {
            double[] oneHot = new double[config.LabelCount];
            if (label >= 0)
                oneHot[label] = Math.Sqrt(config.LabelCount);
            double[] added = Matrix("map_label", oneHot);
            embedding = [.. embedding.Zip(added, (a, b) => a + b)];
        }

        return [.. Matrix("map_layer1", [.. Matrix("map_layer0", embedding).Select(Silu)]).Select(Silu)];
    }

    private double[][] Block(
        string name, double[][] x, int resolution, double[] embedding, bool up = false, bool down = false, bool attention = false)
    {
        double[][] Resampled(double[][] a) => up ? Doubled(a, resolution) : down ? Halved(a, resolution) : a;
        double[][] h = Convolution($"{name}.conv0", Resampled(Silu(GroupNorm($"{name}.norm0", x))), resolution, 3);
        double[] affine = Matrix($"{name}.affine", embedding);
        if (IsEdm)
        {
            h = Silu(GroupNorm($"{name}.norm1", [.. h.Select((plane, c) => plane.Select(v => v + affine[c]).ToArray())]));
        }
        else
        {
            double[] scale = PixelNorm(affine[..h.Length]), shift = PixelNorm(affine[h.Length..]);
            h = GroupNorm($"{name}.norm1", h);
            h = Silu([.. h.Select((plane, c) => plane.Select(v => v * scale[c] + shift[c]).ToArray())]);
        }

        h = Convolution($"{name}.conv1", h, resolution, 3);
        double[][] skip = Resampled(x);
        if (weights.ContainsKey($"{name}.skip.weight"))
            skip = Convolution($"{name}.skip", skip, resolution, 1);
        x = HalfSum(h, skip);
        if (!attention)
            return x;
        h = Attention(Convolution($"{name}.qkv", GroupNorm($"{name}.norm2", x), resolution, 1));
        return HalfSum(Convolution($"{name}.proj", h, resolution, 1), x);
    }

    private static double[][] Attention(double[][] qkv)
    {
        int channels = qkv.Length / 3, pixels = qkv[0].Length;
        double[][] y = Planes(channels, pixels);
        for (int q = 0; q < pixels; q++)
        {
            double[] weight = new double[pixels];
            for (int k = 0; k < pixels; k++)
            {
                double logit = 0;
                for (int c = 0; c < channels; c++)
                    logit += qkv[3 * c][q] * qkv[3 * c + 1][k];
                weight[k] = Math.Exp(logit / Math.Sqrt(channels));
            }

            double sum = weight.Sum();
            for (int c = 0; c < channels; c++)
                for (int k = 0; k < pixels; k++)
                    y[c][q] += weight[k] / sum * qkv[3 * c + 2][k];
        }

        return y;
    }

    private double[][] Convolution(string name, double[][] x, int resolution, int kernel)
    {
        double[] weight = weights[$"{name}.weight"], bias = weights[$"{name}.bias"];
        double[][] y = Planes(bias.Length, resolution * resolution);
        for (int k = 0; k < bias.Length; k++)
            for (int row = 0; row < resolution; row++)
                for (int column = 0; column < resolution; column++)
                {
                    double sum = bias[k];
                    for (int r = 0; r < kernel; r++)
                        for (int s = 0; s < kernel; s++)
                        {
                            int i = row + r - kernel / 2, j = column + s - kernel / 2;
                            if (i < 0 || j < 0 || i >= resolution || j >= resolution)
                                continue;
                            for (int c = 0; c < x.Length; c++)
                                sum += weight[((k * x.Length + c) * kernel + r) * kernel + s] * x[c][i * resolution + j];
                        }

                    y[k][row * resolution + column] = sum;
                }

        return y;
    }

    private double[][] GroupNorm(string name, double[][] x)
    {
        double[] weight = weights[$"{name}.weight"], bias = weights[$"{name}.bias"];
        int size = x.Length / Math.Min(32, x.Length / 4);
        double[][] y = Planes(x.Length, x[0].Length);
        for (int first = 0; first < x.Length; first += size)
        {
            double[] group = [.. x[first..(first + size)].SelectMany(plane => plane)];
            double mean = group.Average(), variance = group.Average(v => (v - mean) * (v - mean));
            for (int c = first; c < first + size; c++)
                for (int p = 0; p < x[c].Length; p++)
                    y[c][p] = (x[c][p] - mean) / Math.Sqrt(variance + 1e-6) * weight[c] + bias[c];
        }

        return y;
    }

    private double[] Matrix(string name, double[] x)
    {
        double[] weight = weights[$"{name}.weight"], bias = weights[$"{name}.bias"];
        return [.. bias.Select((b, k) => b + x.Select((v, c) => v * weight[k * x.Length + c]).Sum())];
    }

    private static double[] PixelNorm(double[] a)
    {
        double root = Math.Sqrt(a.Average(v => v * v) + 1e-8);
        return [.. a.Select(v => v / root)];
    }

    private static double[][] Doubled(double[][] x, int resolution)
    {
        double[][] y = Planes(x.Length, resolution * resolution);
        for (int c = 0; c < x.Length; c++)
            for (int p = 0; p < resolution * resolution; p++)
                y[c][p] = x[c][p / resolution / 2 * (resolution / 2) + p % resolution / 2];
        return y;
    }

    private static double[][] Halved(double[][] x, int resolution)
    {
        double[][] y = Planes(x.Length, resolution * resolution);
        for (int c = 0; c < x.Length; c++)
            for (int p = 0; p < 4 * resolution * resolution; p++)
                y[c][p / (2 * resolution) / 2 * resolution + p % (2 * resolution) / 2] += x[c][p] / 4;
        return y;
    }

    private static double[][] HalfSum(double[][] a, double[][] b) =>
        [.. a.Zip(b, (p, q) => p.Zip(q, (u, v) => (u + v) * Math.Sqrt(0.5)).ToArray())];

    private static double[][] Silu(double[][] x) => [.. x.Select(plane => plane.Select(Silu).ToArray())];

    private static double Silu(double x) => x / (1 + Math.Exp(-x));

    private static double[][] Planes(int channels, int pixels) => [.. Enumerable.Range(0, channels).Select(_ => new double[pixels])];

    private string Name(int level) => $"{config.Resolution >> level}x{config.Resolution >> level}";
}
