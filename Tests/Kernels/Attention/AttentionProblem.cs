using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>An attention whose inputs are bf16 numbers, and its results in float64 by the definitions.</summary>
internal sealed class AttentionProblem
{
    private AttentionProblem(int images, int length, int heads, int depth)
    {
        (Images, Length, Heads, Depth) = (images, length, heads, depth);
        Inputs = new float[images * length * Stride];
        Tangents = new float[Inputs.Length];
        Cotangents = new float[images * length * Channels];
        Output = new double[Cotangents.Length];
        OutputTangent = new double[Cotangents.Length];
        LogSumExp = new double[images * heads * length];
        Gradient = new double[Inputs.Length];
    }

    public int Images { get; }

    public int Length { get; }

    public int Heads { get; }

    public int Depth { get; }

    public int Channels => Heads * Depth;

    public int Stride => 3 * Channels;

    /// <summary>qkv.</summary>
    public float[] Inputs { get; }

    public float[] Tangents { get; }

    public float[] Cotangents { get; }

    public double[] Output { get; }

    public double[] OutputTangent { get; }

    public double[] LogSumExp { get; }

    public double[] Gradient { get; }

    /// <summary>
    /// Standard normal values. The keys' tangents share a vector that moves the mean of a row of tS by some <paramref name="mean"/>;
    /// first channels of queries and keys lie <paramref name="apart"/> on either side of zero, so that all logits are that negative, squared;
    /// those of keys rise by <paramref name="rise"/> from row to row.
    /// </summary>
    public static AttentionProblem Random(int images, int length, int heads, int depth, float mean, float apart = 0, float rise = 0)
    {
        var random = new Random(20241011);
        var problem = new AttentionProblem(images, length, heads, depth);
        for (int i = 0; i < problem.Inputs.Length; i++)
        {
            int part = i % problem.Stride / problem.Channels;
            float moved = i % depth > 0 ? 0 : part == 0 ? apart : part == 1 ? rise * (i / problem.Stride % length) - apart : 0;
            problem.Inputs[i] = Rounded(Normal() + moved);
            problem.Tangents[i] = Rounded(Normal() + (part != 1 ? 0 : i % 2 == 0 ? mean : -mean));
        }

        for (int i = 0; i < problem.Cotangents.Length; i++)
            problem.Cotangents[i] = Rounded(Normal());
        for (int pair = 0; pair < images * heads; pair++)
            for (int row = 0; row < length; row++)
                problem.AddRow(pair, row);
        return problem;

        float Normal() => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }

    public static float Rounded(float value) => BFloat16.ToSingle(BFloat16.FromSingle(value));

    /// <summary>First channel of a head's row: 0 of queries, 1 of keys, 2 of values.</summary>
    private int At(int pair, int part, int row) => (pair / Heads * Length + row) * Stride + part * Channels + pair % Heads * Depth;

    private double Dot(float[] a, int i, float[] b, int j)
    {
        double sum = 0;
        for (int channel = 0; channel < Depth; channel++)
            sum += (double)a[i + channel] * b[j + channel];
        return sum;
    }

    private void AddRow(int pair, int row)
    {
        double scale = 1 / Math.Sqrt(Depth);
        int q = At(pair, 0, row), o = (pair / Heads * Length + row) * Channels + pair % Heads * Depth;
        double[] s = new double[Length], ts = new double[Length];
        for (int j = 0; j < Length; j++)
        {
            int k = At(pair, 1, j);
            s[j] = scale * Dot(Inputs, q, Inputs, k);
            ts[j] = scale * (Dot(Tangents, q, Inputs, k) + Dot(Inputs, q, Tangents, k));
        }

        double max = s.Max(), log = max + Math.Log(s.Sum(x => Math.Exp(x - max)));
        double[] p = [.. s.Select(x => Math.Exp(x - log))];
        double mean = p.Zip(ts, (x, y) => x * y).Sum(), delta = 0;
        LogSumExp[pair * Length + row] = log;
        for (int j = 0; j < Length; j++)
        {
            int v = At(pair, 2, j);
            for (int channel = 0; channel < Depth; channel++)
            {
                Output[o + channel] += p[j] * Inputs[v + channel];
                OutputTangent[o + channel] += p[j] * Tangents[v + channel] + p[j] * (ts[j] - mean) * Inputs[v + channel];
            }
        }

        for (int channel = 0; channel < Depth; channel++)
            delta += Cotangents[o + channel] * Output[o + channel];
        for (int j = 0; j < Length; j++)
        {
            int k = At(pair, 1, j), v = At(pair, 2, j);
            double ds = scale * p[j] * (Dot(Cotangents, o, Inputs, v) - delta);
            for (int channel = 0; channel < Depth; channel++)
            {
                Gradient[q + channel] += ds * Inputs[k + channel];
                Gradient[k + channel] += ds * Inputs[q + channel];
                Gradient[v + channel] += p[j] * Cotangents[o + channel];
            }
        }
    }
}
