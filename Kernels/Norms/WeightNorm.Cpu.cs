using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, a work item is some whole rows of a part, of about <see cref="Grain"/> elements.</summary>
public static partial class WeightNorm
{
    private const int Grain = 1 << 15;

    private static void MakeCpu(CpuDevice cpu, Tensor values, Tensor compute, WeightNormPart[] parts, bool force) =>
        ForRows(cpu, parts, (part, row, start) =>
        {
            Span<float> w = values.Span.Slice(start, part.Columns);
            double n = RootMeanSquare(w);
            if (force)
            {
                TensorPrimitives.Multiply(w, (float)(1 / (n + Epsilon)), w);
                n = RootMeanSquare(w);
            }

            double factor = GainOf(part, values) / (n + Epsilon);
            Multiply(part, w, (float)(part.Scale * factor), (float)(part.SplitScale * factor), compute.Span.Slice(start, part.Columns));
        });

    private static void BackwardCpu(CpuDevice cpu, Tensor values, Tensor gradients, WeightNormPart[] parts, GainTable gains, Tensor? partials) =>
        ForRows(cpu, parts, (part, row, start) =>
        {
            ReadOnlySpan<float> w = values.Span.Slice(start, part.Columns);
            Span<float> g = gradients.Span.Slice(start, part.Columns);
            Multiply(part, g, part.Scale, part.SplitScale, g);
            double n = RootMeanSquare(w), reciprocal = 1 / (n + Epsilon), projection = HostSum.Products(g, w);
            double outer = GainOf(part, values) * reciprocal;
            TensorPrimitives.Multiply(g, (float)outer, g);
            TensorPrimitives.MultiplyAdd(w, -(float)(outer * Radial(projection, n, part.Columns)), g, g);
            if (part.Gain >= 0)
                partials!.SpanOf<double>()[gains.FirstOf(part) + row] = projection * reciprocal;
        });

    private static void GainsCpu(Tensor partials, Tensor gradients, GainTable gains)
    {
        foreach ((int gain, int first, int count) in gains.Sums)
        {
            double sum = 0;
            foreach (double partial in partials.SpanOf<double>().Slice(first, count))
                sum += partial;
            gradients.Span[gain] = (float)sum;
        }
    }

    private static double RootMeanSquare(ReadOnlySpan<float> row) => Math.Sqrt(HostSum.Squares(row) / row.Length);

    private static double GainOf(WeightNormPart part, Tensor values) => part.Gain < 0 ? 1 : values.Span[part.Gain];

    /// <summary>target = row times the factor of each channel; both may be the same.</summary>
    private static void Multiply(WeightNormPart part, ReadOnlySpan<float> row, float first, float second, Span<float> target)
    {
        for (int tap = 0; tap < part.Taps; tap++)
        {
            Range front = (tap * part.Channels)..(tap * part.Channels + part.Split), back = front.End.Value..((tap + 1) * part.Channels);
            TensorPrimitives.Multiply(row[front], first, target[front]);
            TensorPrimitives.Multiply(row[back], second, target[back]);
        }
    }

    private static void ForRows(CpuDevice cpu, WeightNormPart[] parts, Action<WeightNormPart, int, int> body)
    {
        foreach (WeightNormPart part in parts)
        {
            cpu.For((long)part.Rows, Math.Max(1, Grain / part.Columns), (start, end) =>
            {
                for (int row = (int)start; row < end; row++)
                    body(part, row, part.Start + row * part.Columns);
            });
        }
    }
}
