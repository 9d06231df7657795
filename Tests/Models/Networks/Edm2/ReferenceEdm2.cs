using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// The EDM2 U-Net in TrigFlow form by float64 loops, image by image, written from the papers' formulas: nothing is folded, joined or fused. Images are
/// planes, weights are in the order of files.
/// </summary>
internal sealed class ReferenceEdm2(Edm2Config config, IReadOnlyDictionary<string, double[]> weights)
{
    private const double Epsilon = 1e-4;
    private readonly Dictionary<string, double[][]> rows = [];

    /// <summary>What forced normalisation leaves: every row over its norm. Gains stay.</summary>
    public static double[] Forced(ParameterSpec parameter, double[] weight) => parameter.FileShape.IsEmpty
        ? [.. weight]
        : [.. weight.Chunk(weight.Length / (int)parameter.FileShape[0]).SelectMany(row => Normalise(row))];

    /// <summary>Says that a weight was moved: what is multiplied is kept from one call to the next.</summary>
    public void Forget(string parameter) => rows.Remove(parameter);

    /// <summary>F of an image; a label below 0 is no class.</summary>
    public double[][] Forward(double[][] image, double t, int label)
    {
        double[] embedding = Embed(t, label);
        double[] ones = [.. Enumerable.Repeat(1.0, image[0].Length)];
        var skips = new Stack<double[][]>();
        double[][] x = Convolve($"enc.{Level(0)}_conv", [.. image, ones], 3);
        skips.Push(x);
        int lowest = config.ChannelMult.Length - 1;
        for (int level = 0; level <= lowest; level++)
        {
            if (level > 0)
                skips.Push(x = Block($"enc.{Level(level)}_down", Halve(x), embedding, isDecoder: false, attends: false));
            for (int i = 0; i < config.BlocksPerLevel; i++)
                skips.Push(x = Block($"enc.{Level(level)}_block{i}", x, embedding, isDecoder: false, Attends(level)));
        }

        for (int level = lowest; level >= 0; level--)
        {
            if (level == lowest)
            {
                x = Block($"dec.{Level(level)}_in0", x, embedding, isDecoder: true, attends: true);
                x = Block($"dec.{Level(level)}_in1", x, embedding, isDecoder: true, attends: false);
            }
            else
            {
                x = Block($"dec.{Level(level)}_up", Double(x), embedding, isDecoder: true, attends: false);
            }

            for (int i = 0; i <= config.BlocksPerLevel; i++)
                x = Block($"dec.{Level(level)}_block{i}", Join(x, skips.Pop()), embedding, isDecoder: true, Attends(level));
        }

        double sign = config.Embedding == Edm2Embedding.Fourier ? -1 : 1;
        return Each(Convolve("out_conv", x, 3), value => sign * weights["out_gain"][0] * value);
    }

    public double Logvar(double t) => Multiply("logvar_linear", Positional(t, config.LogvarChannels))[0];

    private double[] Embed(double t, int label)
    {
        double[] e = Multiply("emb_noise", config.Embedding == Edm2Embedding.Fourier ? Features(Math.Log(config.SigmaData * Math.Tan(t)) / 4) : Positional(t, config.FirstChannels));
        if (config.LabelCount > 0)
        {
            double[] oneHot = [.. Enumerable.Range(0, config.LabelCount).Select(l => l == label ? Math.Sqrt(config.LabelCount) : 0)];
            e = Blend(e, Multiply("emb_label", oneHot), 0.5);
        }

        return [.. e.Select(Silu)];
    }

    private double[] Features(double level) =>
        [.. weights["emb_fourier.freqs"].Zip(weights["emb_fourier.phases"], (f, p) => Math.Sqrt(2) * Math.Cos(f * level + p))];

    private double[][] Block(string name, double[][] x, double[] embedding, bool isDecoder, bool attends)
    {
        bool projects = weights.ContainsKey($"{name}.conv_skip.weight");
        if (!isDecoder)
            x = OverChannels(projects ? Convolve($"{name}.conv_skip", x, 1) : x, Normalise);
        double[][] h = Convolve($"{name}.conv_res0", Each(x, Silu), 3);
        double[] modulation = Multiply($"{name}.emb_linear", embedding);
        h = OverChannels(h, pixel => Modulate(name, pixel, modulation));
        h = Convolve($"{name}.conv_res1", Each(h, Silu), 3);
        if (isDecoder && projects)
            x = Convolve($"{name}.conv_skip", x, 1);
        x = [.. x.Zip(h, (a, b) => Blend(a, b, 0.3))];
        if (attends)
            x = [.. x.Zip(Convolve($"{name}.attn_proj", Attend(Convolve($"{name}.attn_qkv", x, 1)), 1), (a, b) => Blend(a, b, 0.3))];
        return Each(x, value => Math.Clamp(value, -config.ClipAct, config.ClipAct));
    }

    private double[] Modulate(string name, double[] y, double[] modulation)
    {
        if (config.Modulation == Edm2Modulation.Double)
        {
            double[] scale = Normalise(modulation[..y.Length]), shift = Normalise(modulation[y.Length..]), normal = Normalise(y);
            return [.. normal.Select((value, c) => value * scale[c] + shift[c])];
        }

        double[] factors = [.. modulation.Select(m => 1 + weights[$"{name}.emb_gain"][0] * m)];
        double size = config.Modulation == Edm2Modulation.Scale ? Math.Sqrt(factors.Average(c => c * c) + 1e-8) : 1;
        return [.. y.Select((value, c) => value * factors[c] / size)];
    }

    /// <summary>Self-attention over pixels: q, k and v of channel c in the planes 3c, 3c + 1 and 3c + 2.</summary>
    private double[][] Attend(double[][] u)
    {
        int channels = u.Length / 3, pixels = u[0].Length, d = config.ChannelsPerHead;
        double[][] result = [.. Enumerable.Range(0, channels).Select(_ => new double[pixels])];
        for (int head = 0; head < channels / d; head++)
        {
            double[][][] qkv = [.. Enumerable.Range(0, 3).Select(part =>
                OverChannels([.. Enumerable.Range(head * d, d).Select(c => u[3 * c + part])], Normalise))];
            for (int query = 0; query < pixels; query++)
            {
                double[] scores = [.. Enumerable.Range(0, pixels).Select(key => Math.Exp(Enumerable.Range(0, d).Sum(c => qkv[0][c][query] * qkv[1][c][key]) / Math.Sqrt(d)))];
                for (int c = 0; c < d; c++)
                    result[head * d + c][query] = scores.Zip(qkv[2][c], (score, value) => score * value).Sum() / scores.Sum();
            }
        }

        return result;
    }

    /// <summary>Both parts contribute equally to the sum of squares, whatever their numbers of channels.</summary>
    private static double[][] Join(double[][] a, double[][] b)
    {
        double half = (a.Length + b.Length) / 2.0, ofA = Math.Sqrt(half / a.Length), ofB = Math.Sqrt(half / b.Length);
        return [.. Each(a, value => ofA * value), .. Each(b, value => ofB * value)];
    }

    private static double[] Positional(double t, int channels)
    {
        int half = channels / 2;
        double[] phases = [.. Enumerable.Range(0, half).Select(i => t * Math.Pow(10000, -i / Math.Max(half - 1.0, 1)))];
        return [.. phases.Select(phase => Math.Sqrt(2) * Math.Cos(phase)), .. phases.Select(phase => Math.Sqrt(2) * Math.Sin(phase))];
    }

    private double[] Multiply(string name, double[] x) => [.. Rows(name, x.Length).Select(row => row.Zip(x, (w, value) => w * value).Sum())];

    private double[][] Convolve(string name, double[][] x, int kernel)
    {
        int side = (int)Math.Sqrt(x[0].Length), reach = kernel / 2;
        return [.. Rows(name, x.Length * kernel * kernel).Select(row =>
        {
            double[] y = new double[side * side];
            for (int c = 0, tap = 0; c < x.Length; c++)
                for (int dy = -reach; dy <= reach; dy++)
                    for (int dx = -reach; dx <= reach; dx++, tap++)
                        for (int i = Math.Max(0, -dy); i < Math.Min(side, side - dy); i++)
                            for (int j = Math.Max(0, -dx); j < Math.Min(side, side - dx); j++)
                                y[i * side + j] += row[tap] * x[c][(i + dy) * side + j + dx];
            return y;
        })];
    }

    /// <summary>The rows that are multiplied: N(w) / sqrt(K).</summary>
    private double[][] Rows(string name, int columns)
    {
        string parameter = $"{name}.weight";
        if (!rows.TryGetValue(parameter, out double[][]? multiplied))
            rows[parameter] = multiplied = [.. weights[parameter].Chunk(columns).Select(row => Array.ConvertAll(Normalise(row), w => w / Math.Sqrt(columns)))];
        return multiplied;
    }

    private static double[] Normalise(double[] values)
    {
        double sum = 0;
        foreach (double value in values)
            sum += value * value;
        double n = Math.Sqrt(sum / values.Length) + Epsilon;
        return Array.ConvertAll(values, value => value / n);
    }

    private static double[] Blend(double[] a, double[] b, double t) =>
        [.. a.Zip(b, (x, y) => ((1 - t) * x + t * y) / Math.Sqrt((1 - t) * (1 - t) + t * t))];

    private static double Silu(double a) => a / (1 + Math.Exp(-a)) / 0.596;

    private static double[][] Each(double[][] x, Converter<double, double> map) => Array.ConvertAll(x, plane => Array.ConvertAll(plane, map));

    /// <summary>Applies a map to the channels of each pixel.</summary>
    private static double[][] OverChannels(double[][] x, Func<double[], double[]> map)
    {
        double[][] y = [.. x.Select(plane => new double[plane.Length])];
        for (int p = 0; p < x[0].Length; p++)
        {
            double[] mapped = map(Array.ConvertAll(x, plane => plane[p]));
            for (int c = 0; c < y.Length; c++)
                y[c][p] = mapped[c];
        }

        return y;
    }

    private static double[][] Halve(double[][] x)
    {
        int side = (int)Math.Sqrt(x[0].Length), half = side / 2;
        return Array.ConvertAll(x, plane => Enumerable.Range(0, half * half).Select(p => (I: p / half * 2, J: p % half * 2))
            .Select(at => (plane[at.I * side + at.J] + plane[at.I * side + at.J + 1] + plane[(at.I + 1) * side + at.J] + plane[(at.I + 1) * side + at.J + 1]) / 4).ToArray());
    }

    private static double[][] Double(double[][] x)
    {
        int side = (int)Math.Sqrt(x[0].Length), twice = 2 * side;
        return Array.ConvertAll(x, plane => Enumerable.Range(0, twice * twice).Select(p => plane[p / twice / 2 * side + p % twice / 2]).ToArray());
    }

    private bool Attends(int level) => config.AttentionResolutions.Contains(config.ResolutionOf(level));

    private string Level(int level) => $"{config.ResolutionOf(level)}x{config.ResolutionOf(level)}";
}
