using TrigFlowNative.Benchmarks.Suite;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>The reference of <see cref="AttentionCase"/>: one head of one image in float64, by the definition of attention.</summary>
internal sealed class AttentionHead
{
    private readonly double[][] parts;
    private readonly double[][]? tangents;
    private readonly int image, head, heads, length, depth;
    private readonly double factor;

    public AttentionHead(Operand qkv, int image, int head, int heads, int length, int depth, bool dual)
    {
        (this.image, this.head, this.heads, this.length, this.depth) = (image, head, heads, length, depth);
        factor = 1 / Math.Sqrt(depth);
        parts = [.. Enumerable.Range(0, 3).Select(part => Extract(qkv, 3, part, 0))];
        tangents = dual ? [.. Enumerable.Range(0, 3).Select(part => Extract(qkv, 3, part, qkv.Tensor.Shape.Count))] : null;
    }

    /// <summary>Returns a row of the output and, for dual operands, its tangent tO = P tV + (P o (tS - mu)) V, where mu = rowsum(P o tS).</summary>
    public (double[] Output, double[] Tangent) Row(int row)
    {
        double[] weights = Weights(row), output = Sum(weights, parts[2]);
        if (tangents is null)
            return (output, []);
        double[] slope = new double[length];
        for (int j = 0; j < length; j++)
            slope[j] = factor * (Dot(tangents[0], row, parts[1], j) + Dot(parts[0], row, tangents[1], j));
        double mean = weights.Zip(slope, (p, t) => p * t).Sum();
        double[] tangent = Sum(weights, tangents[2]), moved = Sum([.. weights.Zip(slope, (p, t) => p * (t - mean))], parts[2]);
        return (output, [.. tangent.Zip(moved, (a, b) => a + b)]);
    }

    /// <summary>Returns the gradients of queries, keys and values in some rows: three arrays (rows, depth).</summary>
    public double[][,] Gradients(Operand cotangent, int[] rows)
    {
        double[] dy = Extract(cotangent, 1, 0, 0);
        double[][,] gradients = [.. Enumerable.Range(0, 3).Select(_ => new double[rows.Length, depth])];
        Lock guard = new();
        Parallel.For(0, length, i =>
        {
            double[] weights = Weights(i);
            double[] products = [.. Enumerable.Range(0, length).Select(j => Dot(dy, i, parts[2], j))];
            double delta = weights.Zip(products, (p, v) => p * v).Sum(); // rowsum(dO o O)
            double Slope(int j) => factor * weights[j] * (products[j] - delta);
            lock (guard)
            {
                for (int r = 0; r < rows.Length; r++)
                {
                    if (rows[r] == i)
                        for (int j = 0; j < length; j++)
                            AddTo(gradients[0], r, Slope(j), parts[1], j);
                    AddTo(gradients[1], r, Slope(rows[r]), parts[0], i);
                    AddTo(gradients[2], r, weights[rows[r]], dy, i);
                }
            }
        });
        return gradients;
    }

    private double[] Weights(int row)
    {
        double[] weights = new double[length];
        for (int j = 0; j < length; j++)
            weights[j] = factor * Dot(parts[0], row, parts[1], j);
        double max = weights.Max(), sum = weights.Sum(s => Math.Exp(s - max));
        return [.. weights.Select(s => Math.Exp(s - max) / sum)];
    }

    private double[] Sum(double[] weights, double[] values)
    {
        double[] sum = new double[depth];
        for (int j = 0; j < length; j++)
            for (int d = 0; d < depth; d++)
                sum[d] += weights[j] * values[j * depth + d];
        return sum;
    }

    private void AddTo(double[,] sums, int row, double weight, double[] values, int from)
    {
        for (int d = 0; d < depth; d++)
            sums[row, d] += weight * values[from * depth + d];
    }

    private double Dot(double[] a, int i, double[] b, int j)
    {
        double sum = 0;
        for (int d = 0; d < depth; d++)
            sum += a[i * depth + d] * b[j * depth + d];
        return sum;
    }

    /// <summary>Extracts this head's (length, depth) from a tensor (N, length, parts, heads, depth).</summary>
    private double[] Extract(Operand all, int partCount, int part, long offset)
    {
        double[] values = new double[length * depth];
        for (int i = 0; i < length; i++)
            for (int d = 0; d < depth; d++)
                values[i * depth + d] = all[offset + ((((long)image * length + i) * partCount + part) * heads + head) * depth + d];
        return values;
    }
}
