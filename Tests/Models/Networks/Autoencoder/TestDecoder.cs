using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Models;

/// <summary>A small decoder of random weights: its tensors under diffusers' names, written in any layout, and the decoder itself in float64.</summary>
internal sealed class TestDecoder
{
    private const int Groups = 32;
    private readonly int latents;
    private readonly int[] widths;
    private readonly int blocks;

    /// <param name="latents">Channels of a latent.</param>
    /// <param name="widths">Channels of the levels, the lowest resolution first; each a multiple of 32.</param>
    /// <param name="blocks">Residual blocks of a level.</param>
    public TestDecoder(int latents, int[] widths, int blocks)
    {
        (this.latents, this.widths, this.blocks) = (latents, widths, blocks);
        Convolution("post_quant_conv", latents, latents, 1);
        int channels = widths[0];
        Convolution("decoder.conv_in", latents, channels, 3);
        Block("decoder.mid_block.resnets.0", channels, channels);
        Norm("decoder.mid_block.attentions.0.group_norm", channels);
        foreach (string part in (string[])["to_q", "to_k", "to_v", "to_out.0"])
            Matrix($"decoder.mid_block.attentions.0.{part}", channels);
        Block("decoder.mid_block.resnets.1", channels, channels);
        for (int level = 0; level < widths.Length; level++)
        {
            for (int i = 0; i < blocks; i++, channels = widths[level])
                Block($"decoder.up_blocks.{level}.resnets.{i}", channels, widths[level]);
            if (level < widths.Length - 1)
                Convolution($"decoder.up_blocks.{level}.upsamplers.0.conv", channels, channels, 3);
        }

        Norm("decoder.conv_norm_out", channels);
        Convolution("decoder.conv_out", channels, 3, 3);
    }

    /// <summary>Extents and values of the tensors, in the order of files.</summary>
    public Dictionary<string, (long[] Shape, float[] Values)> Tensors { get; } = [];

    /// <summary>Writes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="rename">Gives a tensor's name in the file; null leaves it out.</param>
    /// <param name="type">F32, F16 or BF16.</param>
    /// <param name="matricesAsConvolutions">Whether the attention's matrices are those of 1x1 convolutions.</param>
    /// <param name="more">Names of further tensors of one element.</param>
    public void Write(string path, Func<string, string?> rename, SafetensorsType type = SafetensorsType.F32, bool matricesAsConvolutions = false, params string[] more)
    {
        var writer = new SafetensorsWriter();
        foreach ((string name, (long[] shape, float[] values)) in Tensors)
        {
            if (rename(name) is { } written)
                writer.Add(written, type, matricesAsConvolutions && shape.Length == 2 ? [.. shape, 1, 1] : shape, stream => stream.Write(Bytes(values, type)));
        }

        foreach (string name in more)
            writer.Add(name, SafetensorsType.F32, [1], stream => stream.Write(new byte[4]));
        writer.Save(path);
    }

    /// <summary>The name that CompVis' programs give a tensor.</summary>
    public string CompVis(string name)
    {
        string[] parts = name.Split('.');
        string rest = string.Join('.', parts[Math.Min(4, parts.Length)..]).Replace("conv_shortcut", "nin_shortcut", StringComparison.Ordinal);
        return parts switch
        {
            ["decoder", "mid_block", "resnets", var i, ..] => $"decoder.mid.block_{int.Parse(i) + 1}.{rest}",
            ["decoder", "mid_block", "attentions", "0", "group_norm", var kind] => $"decoder.mid.attn_1.norm.{kind}",
            ["decoder", "mid_block", "attentions", "0", "to_out", "0", var kind] => $"decoder.mid.attn_1.proj_out.{kind}",
            ["decoder", "mid_block", "attentions", "0", var part, var kind] => $"decoder.mid.attn_1.{part[3..]}.{kind}",
            ["decoder", "up_blocks", var i, "resnets", var j, ..] => $"decoder.up.{widths.Length - 1 - int.Parse(i)}.block.{j}.{string.Join('.', parts[5..]).Replace("conv_shortcut", "nin_shortcut", StringComparison.Ordinal)}",
            ["decoder", "up_blocks", var i, "upsamplers", "0", "conv", var kind] => $"decoder.up.{widths.Length - 1 - int.Parse(i)}.upsample.conv.{kind}",
            ["decoder", "conv_norm_out", var kind] => $"decoder.norm_out.{kind}",
            _ => name,
        };
    }

    /// <summary>The name that older versions of diffusers give a tensor.</summary>
    public static string Older(string name) => name.Replace(".to_q.", ".query.", StringComparison.Ordinal).Replace(".to_k.", ".key.", StringComparison.Ordinal)
        .Replace(".to_v.", ".value.", StringComparison.Ordinal).Replace(".to_out.0.", ".proj_attn.", StringComparison.Ordinal);

    /// <summary>Decodes one latent in float64: (H, W, C) to (s H, s W, 3).</summary>
    public double[] Decode(ReadOnlySpan<float> latent, int height, int width)
    {
        double[] z = new double[latent.Length];
        for (int i = 0; i < z.Length; i++)
            z[i % latents * height * width + i / latents] = latent[i];
        int channels = widths[0];
        double[] x = Convolve("decoder.conv_in", Convolve("post_quant_conv", z, latents, latents, height, width, 1), latents, channels, height, width, 3);
        x = Attend(Apply("decoder.mid_block.resnets.0", x, channels, channels, height, width), channels, height * width);
        x = Apply("decoder.mid_block.resnets.1", x, channels, channels, height, width);
        for (int level = 0; level < widths.Length; level++)
        {
            for (int i = 0; i < blocks; i++, channels = widths[level])
                x = Apply($"decoder.up_blocks.{level}.resnets.{i}", x, channels, widths[level], height, width);
            if (level == widths.Length - 1)
                break;
            double[] twice = new double[4 * x.Length];
            for (int i = 0; i < twice.Length; i++)
            {
                int column = i % (2 * width), row = i / (2 * width) % (2 * height), channel = i / (4 * width * height);
                twice[i] = x[(channel * height + row / 2) * width + column / 2];
            }

            (height, width) = (2 * height, 2 * width);
            x = Convolve($"decoder.up_blocks.{level}.upsamplers.0.conv", twice, channels, channels, height, width, 3);
        }

        x = Convolve("decoder.conv_out", Normalise("decoder.conv_norm_out", x, channels, silu: true), channels, 3, height, width, 3);
        double[] picture = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
            picture[i % (height * width) * 3 + i / (height * width)] = x[i];
        return picture;
    }

    private double[] Apply(string name, double[] x, int from, int to, int height, int width)
    {
        double[] h = Convolve($"{name}.conv1", Normalise($"{name}.norm1", x, from, silu: true), from, to, height, width, 3);
        h = Convolve($"{name}.conv2", Normalise($"{name}.norm2", h, to, silu: true), to, to, height, width, 3);
        double[] shortcut = from == to ? x : Convolve($"{name}.conv_shortcut", x, from, to, height, width, 1);
        return [.. h.Zip(shortcut, (a, b) => a + b)];
    }

    private double[] Attend(double[] x, int channels, int pixels)
    {
        const string name = "decoder.mid_block.attentions.0";
        double[] u = Normalise($"{name}.group_norm", x, channels, silu: false);
        double[] q = Multiply("to_q", u), k = Multiply("to_k", u), v = Multiply("to_v", u), a = new double[x.Length];
        for (int i = 0; i < pixels; i++)
        {
            double[] p = [.. Enumerable.Range(0, pixels).Select(j => Math.Exp(Enumerable.Range(0, channels).Sum(c => q[c * pixels + i] * k[c * pixels + j]) / Math.Sqrt(channels)))];
            double sum = p.Sum();
            for (int c = 0; c < channels; c++)
                a[c * pixels + i] = Enumerable.Range(0, pixels).Sum(j => p[j] * v[c * pixels + j]) / sum;
        }

        return [.. Multiply("to_out.0", a).Zip(x, (y, old) => y + old)];

        double[] Multiply(string part, double[] values) => Convolve($"{name}.{part}", values, channels, channels, 1, pixels, 1);
    }

    private double[] Normalise(string name, double[] x, int channels, bool silu)
    {
        (float[] weight, float[] bias) = (Tensors[$"{name}.weight"].Values, Tensors[$"{name}.bias"].Values);
        int pixels = x.Length / channels, group = x.Length / Groups;
        double[] y = new double[x.Length];
        for (int g = 0; g < Groups; g++)
        {
            double mean = x.AsSpan(g * group, group).ToArray().Average();
            double variance = x.AsSpan(g * group, group).ToArray().Average(value => (value - mean) * (value - mean));
            for (int i = g * group; i < (g + 1) * group; i++)
            {
                double n = (x[i] - mean) / Math.Sqrt(variance + 1e-6) * weight[i / pixels] + bias[i / pixels];
                y[i] = silu ? n / (1 + Math.Exp(-n)) : n;
            }
        }

        return y;
    }

    private double[] Convolve(string name, double[] x, int from, int to, int height, int width, int size)
    {
        (float[] weight, float[] bias) = (Tensors[$"{name}.weight"].Values, Tensors[$"{name}.bias"].Values);
        double[] y = new double[to * height * width];
        Parallel.For(0, to, k =>
        {
            for (int row = 0; row < height; row++)
            {
                for (int column = 0; column < width; column++)
                {
                    double sum = bias[k];
                    for (int c = 0; c < from; c++)
                        for (int r = 0; r < size; r++)
                            for (int s = 0; s < size; s++)
                                if (row + r - size / 2 is var atRow && column + s - size / 2 is var at && atRow >= 0 && atRow < height && at >= 0 && at < width)
                                    sum += weight[((k * from + c) * size + r) * size + s] * x[(c * height + atRow) * width + at];
                    y[(k * height + row) * width + column] = sum;
                }
            }
        });
        return y;
    }

    private void Block(string name, int from, int to)
    {
        Norm($"{name}.norm1", from);
        Convolution($"{name}.conv1", from, to, 3);
        Norm($"{name}.norm2", to);
        Convolution($"{name}.conv2", to, to, 3);
        if (from != to)
            Convolution($"{name}.conv_shortcut", from, to, 1);
    }

    private void Norm(string name, int channels)
    {
        Add($"{name}.weight", [channels], 0.5f, 1);
        Add($"{name}.bias", [channels], 0.5f);
    }

    private void Convolution(string name, int from, int to, int size)
    {
        Add($"{name}.weight", [to, from, size, size], MathF.Sqrt(3f / (from * size * size)));
        Add($"{name}.bias", [to], 0.5f);
    }

    private void Matrix(string name, int channels)
    {
        Add($"{name}.weight", [channels, channels], MathF.Sqrt(6f / channels));
        Add($"{name}.bias", [channels], 0.5f);
    }

    /// <summary>Adds a tensor of multiples of 2^-7, mostly, uniform about a mean: fp16 holds them all, bf16 rounds some.</summary>
    private void Add(string name, long[] shape, float bound, float mean = 0)
    {
        Random random = new(Tensors.Count + 1);
        float[] values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++)
            values[i] = (float)(Half)(mean + bound * (2 * random.NextSingle() - 1));
        Tensors.Add(name, (shape, values));
    }

    private static byte[] Bytes(float[] values, SafetensorsType type) => type switch
    {
        SafetensorsType.F32 => MemoryMarshal.AsBytes<float>(values).ToArray(),
        SafetensorsType.F16 => MemoryMarshal.AsBytes<Half>(Array.ConvertAll(values, value => (Half)value)).ToArray(),
        _ => MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(values, value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))).ToArray(),
    };
}
