using TrigFlowNative.Benchmarks.Suite;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>The reference of <see cref="NormCase"/>: group normalisation in float64, one group of one image at a time, and modulation and SiLU if there is a modulation.</summary>
internal sealed class NormReference(Operand x, Operand? modulation, Operand weight, Operand bias, int groups)
{
    private const double Epsilon = 1e-6f; // the op's default, rounded to fp32 as the op's is
    private readonly int channels = x.Tensor.Shape.C, perGroup = x.Tensor.Shape.C / groups, pixels = x.Tensor.Shape.H * x.Tensor.Shape.W;

    /// <summary>Returns index, value and tangent of each element of a group of y.</summary>
    public IEnumerable<(long Place, double Value, double Tangent)> Forward(int image, int group)
    {
        (double[] z, double rho) = Normalise(image, group);
        double[] tx = [.. Places(image, group).Select(place => x[place + x.Tensor.Shape.Count])];
        double mean = tx.Average(), product = tx.Zip(z, (a, b) => a * b).Average();
        int i = 0;
        foreach (long place in Places(image, group))
        {
            (int c, double scale, double shift) = Modulation(image, place);
            double n = z[i] * weight[c] + bias[c], tz = rho * (tx[i] - mean - z[i] * product), h = n * scale + shift;
            double th = weight[c] * tz * scale;
            if (modulation is not null)
            {
                long tangents = modulation.Tensor.Shape.Count + 2L * image * channels + c;
                th += n * modulation[tangents] + modulation[tangents + channels];
            }

            yield return (place, Act(h), Slope(h) * th);
            i++;
        }
    }

    /// <summary>Returns the contribution of a group of one image to each gradient.</summary>
    public NormGradients Backward(int image, int group, Operand cotangent)
    {
        (double[] z, double rho) = Normalise(image, group);
        long[] places = [.. Places(image, group)];
        double[] dz = new double[z.Length];
        var gradients = new NormGradients(perGroup);
        for (int i = 0; i < z.Length; i++)
        {
            (int c, double scale, double shift) = Modulation(image, places[i]);
            double n = z[i] * weight[c] + bias[c], dh = Slope(n * scale + shift) * cotangent[places[i]];
            dz[i] = weight[c] * scale * dh;
            int within = c - group * perGroup;
            gradients.Shift[within] += dh;
            gradients.Scale[within] += n * dh;
            gradients.Bias[within] += scale * dh;
            gradients.Weight[within] += scale * z[i] * dh;
        }

        double mean = dz.Average(), product = dz.Zip(z, (a, b) => a * b).Average();
        gradients.X.AddRange(places.Select((place, i) => (place, rho * (dz[i] - mean - z[i] * product))));
        return gradients;
    }

    private (double[] Normalised, double Rho) Normalise(int image, int group)
    {
        double[] values = [.. Places(image, group).Select(place => x[place])];
        double mean = values.Average(), variance = values.Sum(v => (v - mean) * (v - mean)) / values.Length;
        double rho = 1 / Math.Sqrt(variance + Epsilon);
        return ([.. values.Select(v => rho * (v - mean))], rho);
    }

    private IEnumerable<long> Places(int image, int group) => Enumerable.Range(0, pixels * perGroup)
        .Select(i => ((long)image * pixels + i / perGroup) * channels + group * perGroup + i % perGroup);

    private (int Channel, double Scale, double Shift) Modulation(int image, long place)
    {
        int c = (int)(place % channels);
        return modulation is null ? (c, 1, 0) : (c, modulation[2L * image * channels + c], modulation[(2L * image + 1) * channels + c]);
    }

    private static double Sigmoid(double h) => 1 / (1 + Math.Exp(-h));

    private double Act(double h) => modulation is null ? h : h * Sigmoid(h);

    private double Slope(double h) => modulation is null ? 1 : Sigmoid(h) * (1 + h * (1 - Sigmoid(h)));
}

/// <summary>Contributions of one group to gradients: dx by index, the others by channel within the group.</summary>
internal sealed class NormGradients(int channels)
{
    public List<(long Place, double Value)> X { get; } = [];

    public double[] Scale { get; } = new double[channels];

    public double[] Shift { get; } = new double[channels];

    public double[] Weight { get; } = new double[channels];

    public double[] Bias { get; } = new double[channels];
}
