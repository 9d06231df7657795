using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>
/// A persistent tensor of standard normal numbers times a power of two, and the same numbers on the host by their index alone:
/// a check needs a few thousand of hundreds of millions.
/// </summary>
/// <remarks>
/// All operands are windows of one sequence, repeated with a prime period, so that it falls in step with no extent. The numbers are
/// representable in bf16, so that an error is the kernel's and not the operand's.
/// </remarks>
public sealed class Operand : IDisposable
{
    private const int Period = 1_048_573, Shift = 99_991; // primes
    private static readonly float[] Sequence = Draw();
    private readonly List<Tensor> anchors = [];
    private readonly float scale;
    private readonly long start;

    /// <param name="device">Where the tensor lives.</param>
    /// <param name="shape">Extents of the primal.</param>
    /// <param name="type">fp32 or bf16.</param>
    /// <param name="number">Different for each operand of an op.</param>
    /// <param name="scale">A power of two.</param>
    /// <param name="dual">Whether a tangent lies behind the primal.</param>
    public Operand(ComputeDevice device, Shape shape, DType type, int number, float scale = 1, bool dual = false)
    {
        (this.scale, start) = (scale, (long)number * Shift);
        Tensor = Create(device, shape, type, dual);
        Fill(Tensor.Primal, 0);
        if (dual)
            Fill(Tensor.Tangent, shape.Count);
    }

    /// <summary>The numbers on the device.</summary>
    public Tensor Tensor { get; }

    /// <summary>Element i of the primal; behind those, of the tangent.</summary>
    public double this[long i] => scale * Sequence[(int)((i + start) % Period)];

    /// <summary>The power of two nearest to 1 / sqrt(n): sums of n products stay of the size of one.</summary>
    public static float ScaleFor(long n) => MathF.ScaleB(1, -(int)Math.Round(Math.Log2(n) / 2));

    /// <summary>
    /// Makes a tensor's gradient wanted, in a tensor of the program that is overwritten, as in a network. (A watched tensor's own
    /// gradient would be added to.)
    /// </summary>
    public void Differentiate(Tape tape)
    {
        Tensor anchor = Tensor.Device.CreateTensor(new Shape(1));
        tape.Watch(anchor, anchor);
        tape.Record(Tensor, [anchor], () => { });
        anchors.Add(anchor);
    }

    /// <summary>Releases the tensor.</summary>
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
        long bytes = shape.Count * type.Size();
        var storage = new Storage(2 * bytes, bytes, owner: null) { Memory = device.Allocate(2 * bytes) };
        return new Tensor(device, storage, 0, shape, type, hasTangent: true);
    }

    /// <summary>Writes the numbers from index <paramref name="offset"/> on: one period, again and again.</summary>
    private void Fill(Tensor part, long offset)
    {
        float[] period = [.. Enumerable.Range(0, Math.Min(Period, part.Count)).Select(i => (float)this[offset + i])];
        BFloat16[] rounded = part.Type == DType.BFloat16 ? Array.ConvertAll(period, BFloat16.FromSingle) : [];
        for (long done = 0; done < part.Count; done += Period)
        {
            int count = (int)Math.Min(Period, part.Count - done);
            Tensor slice = part.Slice(done, new Shape(count));
            if (part.Type == DType.BFloat16)
                slice.Upload<BFloat16>(rounded.AsSpan(0, count));
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
