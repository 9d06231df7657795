using System.Numerics.Tensors;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, a work item is an image, since the gradient of the modulation sums over its pixels in order.</summary>
public static partial class ModulatedNorm
{
    private static void ForwardCpu(CpuDevice cpu, Terms terms, Tensor y)
    {
        Extents e = terms.Extents;
        cpu.For((long)e.Images * e.Pixels, Math.Max(1, 16384 / e.Channels), (start, end) =>
        {
            using var row = new HostRow(e);
            for (int pixel = (int)start; pixel < end; pixel++)
            {
                row.Read(terms, pixel);
                Span<float> target = y.Span.Slice(pixel * e.Channels, e.Channels);
                for (int c = 0; c < e.Channels; c++)
                    target[c] = e.Gain * row.U[c] * row.Logistic[c];
                if (e.Tangent == 0)
                    continue;
                ReadOnlySpan<float> tx = terms.X.Span.Slice(e.TangentOffset + pixel * e.Channels, e.Channels);
                float weight = row.Scale.Weight * (TensorPrimitives.Dot(row.X, tx) / e.Channels);
                Span<float> tangent = y.Span.Slice(e.TangentOffset + pixel * e.Channels, e.Channels);
                ReadOnlySpan<float> ts = row.Tangents(terms), tb = ts.IsEmpty || e.Shifts == 0 ? [] : ts[e.Channels..];
                for (int c = 0; c < e.Channels; c++)
                {
                    float tu = (row.Scale.R * tx[c] - row.X[c] * weight) * row.S[c];
                    if (!ts.IsEmpty)
                        tu += row.Scale.R * row.X[c] * ts[c];
                    if (!tb.IsEmpty)
                        tu += tb[c];
                    tangent[c] = e.Gain * row.Slope(c) * tu;
                }
            }
        });
    }

    private static void BackwardCpu(CpuDevice cpu, Terms terms, Tensor dy, GradientSlot? dx, GradientSlot? dModulation)
    {
        Extents e = terms.Extents;
        cpu.For((long)e.Images, 1, (start, end) =>
        {
            using var row = new HostRow(e);
            float[] dn = new float[e.Channels], sums = new float[e.ModulationChannels];
            for (int image = (int)start; image < end; image++)
            {
                sums.AsSpan().Clear();
                for (int pixel = image * e.Pixels; pixel < (image + 1) * e.Pixels; pixel++)
                {
                    row.Read(terms, pixel);
                    ReadOnlySpan<float> cotangent = dy.Span.Slice(pixel * e.Channels, e.Channels);
                    for (int c = 0; c < e.Channels; c++)
                    {
                        float du = e.Gain * row.Slope(c) * cotangent[c];
                        sums[c] += row.Scale.R * row.X[c] * du;
                        if (e.Shifts != 0)
                            sums[c + e.Channels] += du;
                        dn[c] = row.S[c] * du;
                    }

                    if (dx is not { } slot)
                        continue;
                    float weight = row.Scale.Weight * (TensorPrimitives.Dot(row.X, dn) / e.Channels);
                    Span<float> target = slot.Tensor.Span.Slice(pixel * e.Channels, e.Channels);
                    for (int c = 0; c < e.Channels; c++)
                        target[c] = (slot.Accumulate ? target[c] : 0f) + row.Scale.R * dn[c] - row.X[c] * weight;
                }

                if (dModulation is not { } sink)
                    continue;
                Span<float> gradient = sink.Tensor.Span.Slice(image * e.ModulationChannels, e.ModulationChannels);
                if (sink.Accumulate)
                    TensorPrimitives.Add(gradient, sums, gradient);
                else
                    sums.CopyTo(gradient);
            }
        });
    }

    /// <summary>A pixel with what both passes compute from it.</summary>
    private ref struct HostRow : IDisposable
    {
        private readonly Extents e;
        private readonly float[] rented;
        private int image;

        public HostRow(Extents e)
        {
            this.e = e;
            rented = System.Buffers.ArrayPool<float>.Shared.Rent(2 * e.Channels);
            U = rented.AsSpan(0, e.Channels);
            Logistic = rented.AsSpan(e.Channels, e.Channels);
        }

        public ReadOnlySpan<float> X { get; private set; }

        public ReadOnlySpan<float> S { get; private set; }

        public Span<float> U { get; }

        public Span<float> Logistic { get; }

        public MagnitudeScale Scale { get; private set; }

        public void Read(Terms terms, int pixel)
        {
            image = pixel / e.Pixels;
            X = terms.X.Span.Slice(pixel * e.Channels, e.Channels);
            ReadOnlySpan<float> modulation = terms.Modulation.Span.Slice(image * e.ModulationChannels, e.ModulationChannels);
            S = modulation[..e.Channels];
            Scale = e.Of(TensorPrimitives.SumOfSquares(X) / e.Channels);
            TensorPrimitives.Multiply(X, Scale.R, U);
            TensorPrimitives.Multiply(U, S, U);
            if (e.Shifts != 0)
                TensorPrimitives.Add(U, modulation[e.Channels..], U);
            TensorPrimitives.Sigmoid(U, Logistic);
        }

        /// <summary>Tangents of the modulation of the pixel's image; empty if there are none.</summary>
        public readonly ReadOnlySpan<float> Tangents(Terms terms) => e.ModulationTangent == 0
            ? []
            : terms.Modulation.Span.Slice(e.ModulationTangentOffset + image * e.ModulationChannels, e.ModulationChannels);

        /// <summary>silu'(u).</summary>
        public readonly float Slope(int c) => DeviceMath.SiluSlope(U[c], Logistic[c]);

        public readonly void Dispose() => System.Buffers.ArrayPool<float>.Shared.Return(rented);
    }
}
