using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// A convolution and the batch norm behind it as one convolution with a bias: weight times gamma / sqrt(variance + eps), and beta - mean times that factor, in
/// float64. Files hold filters (K, C, R, S), kernels take (K, R, S, C).
/// </summary>
/// <param name="Weight">Name of the filters.</param>
/// <param name="Window">The window, R x S.</param>
/// <param name="Outputs">K.</param>
/// <param name="Inputs">C.</param>
/// <param name="Norm">Names of gamma, beta, mean and variance, each (K).</param>
/// <param name="Epsilon">eps.</param>
internal sealed record FoldedConvolution(string Weight, Window2d Window, int Outputs, int Inputs, string[] Norm, double Epsilon)
{
    /// <summary>(K, R, S, C).</summary>
    public Shape Shape => new(Outputs, Window.Height, Window.Width, Inputs);

    /// <summary>Checks names and shapes.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing or of another shape.</exception>
    public void Check(FeatureTensors tensors)
    {
        tensors.Expect(Weight, Shape.N, Shape.C, Shape.H, Shape.W);
        foreach (string name in Norm)
            tensors.Expect(name, Shape.N);
    }

    /// <summary>Reads filters (K, R, S, C) and bias (K).</summary>
    /// <exception cref="InvalidFileException">A value is not finite, or a variance is negative.</exception>
    public (float[] Weight, float[] Bias) Read(FeatureTensors tensors)
    {
        float[] weight = ToChannelsLast(tensors.Read(Weight), Shape);
        float[][] norm = [.. Norm.Select(tensors.Read)];
        float[] bias = new float[Shape.N];
        int depth = weight.Length / Shape.N;
        for (int k = 0; k < bias.Length; k++)
        {
            if (norm[3][k] < 0)
                throw tensors.Refused($"tensor '{Norm[3]}' holds a variance of {norm[3][k]}");
            double factor = norm[0][k] / Math.Sqrt(norm[3][k] + Epsilon);
            bias[k] = (float)(norm[1][k] - norm[2][k] * factor);
            foreach (ref float value in weight.AsSpan(k * depth, depth))
                value = (float)(value * factor);
        }

        return (weight, bias);
    }

    /// <summary>Turns filters (K, C, R, S) to (K, R, S, C).</summary>
    public static float[] ToChannelsLast(float[] filters, Shape shape)
    {
        (int c, int taps) = (shape.C, shape.H * shape.W);
        float[] turned = new float[filters.Length];
        for (int k = 0; k < shape.N; k++)
            for (int channel = 0; channel < c; channel++)
                for (int tap = 0; tap < taps; tap++)
                    turned[(k * taps + tap) * c + channel] = filters[(k * c + channel) * taps + tap];
        return turned;
    }
}
