using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Group normalisation with its tangent and its gradients as plain float64 loops, straight from the formulas of the op's remarks.</summary>
internal sealed class GroupNormReference
{
    private readonly Shape shape;
    private readonly int groupChannels;
    private readonly bool silu;
    private readonly double[] weight, bias;
    private readonly double[]? modulation;
    private readonly double[] z, rho;

    public GroupNormReference(Shape shape, int groups, bool silu, double[] x, double[]? modulation, double[] weight, double[] bias)
    {
        (this.shape, this.silu, this.modulation, this.weight, this.bias) = (shape, silu, modulation, weight, bias);
        groupChannels = shape.C / groups;
        (z, rho, Y) = (new double[x.Length], new double[x.Length], new double[x.Length]);
        ForGroups(elements =>
        {
            double mean = elements.Average(i => x[i]);
            double scale = 1 / Math.Sqrt(elements.Average(i => (x[i] - mean) * (x[i] - mean)) + 1e-6);
            foreach (int i in elements)
            {
                (z[i], rho[i]) = ((x[i] - mean) * scale, scale);
                double h = Argument(i);
                Y[i] = silu ? h * Logistic(h) : h;
            }
        });
    }

    public double[] Y { get; }

    public double[] Tangent(double[] tx, double[]? tangentOfModulation)
    {
        double[] ty = new double[tx.Length];
        ForGroups(elements =>
        {
            double mean = elements.Average(i => tx[i]), projection = elements.Average(i => z[i] * tx[i]);
            foreach (int i in elements)
            {
                double th = weight[Channel(i)] * rho[i] * (tx[i] - mean - z[i] * projection) * Scale(i);
                if (tangentOfModulation is not null)
                    th += Normal(i) * tangentOfModulation[At(i)] + tangentOfModulation[At(i) + shape.C];
                ty[i] = Slope(i) * th;
            }
        });
        return ty;
    }

    /// <summary>Gradients of x, the modulation (zeros without), the weight and the bias.</summary>
    public double[][] Gradients(double[] dy)
    {
        double[] dx = new double[dy.Length], dModulation = new double[2 * shape.N * shape.C];
        double[] dWeight = new double[shape.C], dBias = new double[shape.C], dz = new double[dy.Length];
        for (int i = 0; i < dy.Length; i++)
        {
            double dh = Slope(i) * dy[i];
            dz[i] = weight[Channel(i)] * Scale(i) * dh;
            dModulation[At(i)] += Normal(i) * dh;
            dModulation[At(i) + shape.C] += dh;
            dWeight[Channel(i)] += Scale(i) * z[i] * dh;
            dBias[Channel(i)] += Scale(i) * dh;
        }

        ForGroups(elements =>
        {
            double mean = elements.Average(i => dz[i]), projection = elements.Average(i => z[i] * dz[i]);
            foreach (int i in elements)
                dx[i] = rho[i] * (dz[i] - mean - z[i] * projection);
        });
        return [dx, dModulation, dWeight, dBias];
    }

    private static double Logistic(double h) => 1 / (1 + Math.Exp(-h));

    private int Channel(int i) => i % shape.C;

    /// <summary>Index of an element's scale in the modulation.</summary>
    private int At(int i) => i / (shape.H * shape.W * shape.C) * 2 * shape.C + Channel(i);

    private double Scale(int i) => modulation is null ? 1 : modulation[At(i)];

    private double Normal(int i) => z[i] * weight[Channel(i)] + bias[Channel(i)];

    private double Argument(int i) => Normal(i) * Scale(i) + (modulation is null ? 0 : modulation[At(i) + shape.C]);

    private double Slope(int i)
    {
        double h = Argument(i), s = Logistic(h);
        return silu ? s * (1 + h * (1 - s)) : 1;
    }

    private void ForGroups(Action<int[]> body)
    {
        for (int n = 0; n < shape.N; n++)
            for (int first = 0; first < shape.C; first += groupChannels)
                body([.. from p in Enumerable.Range(n * shape.H * shape.W, shape.H * shape.W)
                         from c in Enumerable.Range(first, groupChannels)
                         select p * shape.C + c]);
    }
}
