using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The distribution of a parameter's initial values: constant, uniform or normal.</summary>
public readonly record struct InitialValues
{
    private const int ChunkLength = 4096;
    private readonly Distribution distribution;
    private readonly float scale;

    private InitialValues(Distribution distribution, float scale) => (this.distribution, this.scale) = (distribution, scale);

    private enum Distribution
    {
        Constant,
        Uniform,
        Normal,
    }

    /// <summary>Every value is 0; also the default of the type.</summary>
    public static InitialValues Zero => default;

    /// <summary>Every value is the same.</summary>
    public static InitialValues Constant(float value) => new(Distribution.Constant, value);

    /// <summary>Uniform in [-bound, bound].</summary>
    public static InitialValues Uniform(float bound) => new(Distribution.Uniform, bound);

    /// <summary>Normal with mean 0 and the given standard deviation.</summary>
    public static InitialValues Normal(float deviation = 1) => new(Distribution.Normal, deviation);

    /// <summary>Uniform with the bound of Glorot and Bengio 2010, eq. 16, times a gain.</summary>
    /// <param name="fanIn">Number of inputs of each output.</param>
    /// <param name="fanOut">Number of outputs of each input.</param>
    /// <param name="gain">Factor of the bound.</param>
    public static InitialValues Xavier(long fanIn, long fanOut, float gain = 1) => Uniform(gain * MathF.Sqrt(6f / (fanIn + fanOut)));

    /// <summary>
    /// Draws values from Philox on the host, so that every device gets the same. The counter is (element / 4, index of the parameter, 0,
    /// purpose).
    /// </summary>
    /// <param name="count">Number of values.</param>
    /// <param name="seed">Seed: the 64-bit key.</param>
    /// <param name="index">Index of the parameter in its network.</param>
    public float[] Draw(int count, ulong seed, int index)
    {
        float[] values = new float[count];
        if (distribution == Distribution.Constant)
        {
            Array.Fill(values, scale);
            return values;
        }

        Distribution kind = distribution;
        float factor = scale;
        Parallel.For(0, (count + ChunkLength - 1) / ChunkLength, chunk => // a network of a billion values would take one thread a minute
        {
            Span<uint> words = stackalloc uint[ChunkLength];
            int start = chunk * ChunkLength;
            Philox.Fill(words, (uint)(start / 4), (uint)index, 0, (uint)RandomPurpose.Initialisation, (uint)seed, (uint)(seed >> 32));
            for (int i = start; i < Math.Min(start + ChunkLength, values.Length); i++)
                values[i] = factor * (kind == Distribution.Uniform ? 2 * Philox.ToUnit(words[i - start]) - 1 : Normal(words, i - start));
        });
        return values;
    }

    /// <summary>Box-Muller transform: words 2k and 2k + 1 give the numbers 2k and 2k + 1.</summary>
    private static float Normal(ReadOnlySpan<uint> words, int i)
    {
        double radius = Math.Sqrt(-2 * Math.Log(Philox.ToUnit(words[i & ~1]))), angle = 2 * Math.PI * Philox.ToUnit(words[i | 1]);
        return (float)(radius * (i % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle)));
    }
}
