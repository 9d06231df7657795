using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// A persistent tensor of standard normal numbers times a power of two, whose elements the host computes from their index: a check looks at a few
/// thousand of hundreds of millions.
/// </summary>
/// <remarks>
/// Operands are windows into one sequence with a prime period, so that no extent is a multiple of it. Every number is representable in bf16, so that
/// errors are the kernel's, not the operand's.
/// </remarks>
public sealed class Operand : IDisposable
{
    private const int Period = 1_048_573, Shift = 99_991; // primes
    private static readonly float[] Sequence = Draw();
    private readonly List<Tensor> anchors = [];
    private readonly float scale;
    private readonly long start;

    /// <summary>Allocates and fills the tensor.</summary>
    /// <param name="device">The device that holds the tensor.</param>
    /// <param name="shape">Shape of the primal.</param>
    /// <param name="type">fp32 or bf16.</param>
    /// <param name="number">Index of the operand within its case, so that operands differ.</param>
    /// <param name="scale">Factor of the numbers: a power of two.</param>
    /// <param name="dual">Whether a tangent, of the numbers that follow, is stored after the primal.</param>
    public Operand(ComputeDevice device, Shape shape, DType type, int number, float scale = 1, bool dual = false)
    {
        (this.scale, start) = (scale, (long)number * Shift);
        Tensor = Create(device, shape, type, dual);
        Fill(Tensor.Primal, 0);
        if (dual)
            Fill(Tensor.Tangent, shape.Count);
    }

    /// <summary>The tensor on the device.</summary>
    public Tensor Tensor { get; }

    /// <summary>Element i, where the elements of the tangent follow those of the primal.</summary>
    public double this[long i] => scale * Sequence[(int)((i + start) % Period)];

    /// <summary>The power of two nearest to 1 / sqrt(n), which keeps the variance of a sum of n products near 1.</summary>
    public static float ScaleFor(long n) => MathF.ScaleB(1, -(int)Math.Round(Math.Log2(n) / 2));

    /// <summary>
    /// Lets a tape compute the tensor's gradient as inside a network: in a transient tensor, which is overwritten. The gradient of a watched tensor
    /// would be added to.
    /// </summary>
    public void Differentiate(Tape tape)
    {
        Tensor anchor = Tensor.Device.CreateTensor(new Shape(1));
        tape.Watch(anchor, anchor);
        tape.Record(Tensor, [anchor], () => { });
        anchors.Add(anchor);
    }

    /// <summary>Releases the tensor's memory.</summary>
    public void Dispose()
    {
        Tensor.Dispose();
        foreach (Tensor anchor in anchors)
            anchor.Dispose();
    }

    private static Tensor Create(ComputeDevice device, Shape shape, DType type, bool dual)
    {
        if (!dual)
            return device.CreateTensor(shape, type);
        long bytes = shape.Count * type.SizeInBytes();
        var storage = new Storage(2 * bytes, bytes, owner: null) { Memory = device.Allocate(2 * bytes, $"an operand {shape} and its tangent") };
        return new Tensor(device, storage, 0, shape, type, hasTangent: true);
    }

    /// <summary>Writes the numbers from index <paramref name="offset"/> on, one period at a time.</summary>
    private void Fill(Tensor part, long offset)
    {
        float[] period = [.. Enumerable.Range(0, Math.Min(Period, part.Count)).Select(i => (float)this[offset + i])];
        BFloat16[] bf16 = part.Type == DType.BFloat16 ? Array.ConvertAll(period, BFloat16.FromSingle) : [];
        for (long done = 0; done < part.Count; done += Period)
        {
            int count = (int)Math.Min(Period, part.Count - done);
            Tensor slice = part.Slice(done, new Shape(count));
            if (part.Type == DType.BFloat16)
                slice.Upload<BFloat16>(bf16.AsSpan(0, count));
            else
                slice.Upload<float>(period.AsSpan(0, count));
        }
    }

    private static float[] Draw()
    {
        var random = new Random(1);
        float[] values = new float[Period];
        for (int i = 0; i < Period; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = BFloat16.ToSingle(BFloat16.FromSingle((float)(radius * Math.Cos(2 * Math.PI * random.NextDouble()))));
        }

        return values;
    }
}
