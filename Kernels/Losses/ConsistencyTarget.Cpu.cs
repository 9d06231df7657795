using System.Numerics;
using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, each item takes one sample, which stays in the cache between the two passes over it.</summary>
public static partial class ConsistencyTarget
{
    private static void ForwardCpu(CpuDevice cpu, Inputs x, Tensor target, Tensor norm) => cpu.For(x.F.Shape.N, n =>
    {
        int start = n * x.Size;
        Span<float> result = target.Span.Slice(start, x.Size);
        Tangent(x, n, result);
        float length = (float)Math.Sqrt(HostSum.Squares(result));
        float scale = 1f / (length * x.NormScale + x.C);
        TensorPrimitives.MultiplyAdd(result, scale, x.F.Span.Slice(start, x.Size), result);
        norm.Span[n] = length;
    });

    private static void Tangent(Inputs x, int n, Span<float> g)
    {
        ReadOnlySpan<float> f = x.F.Span.Slice(n * x.Size, x.Size), j = x.F.Span.Slice(x.F.Count + n * x.Size, x.Size);
        ReadOnlySpan<float> xt = x.Xt.Span.Slice(n * x.Size, x.Size), dxdt = x.DxDt.Span.Slice(n * x.Size, x.Size);
        float cosine = x.Cos.Span[n], r = x.R.Span[0];
        float flow = -cosine * cosine, drift = -r * cosine * x.Sin.Span[n], change = -r * x.SigmaData;
        int i = 0;
        for (; i <= g.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector<float> mismatch = x.SigmaData * new Vector<float>(f[i..]) - new Vector<float>(dxdt[i..]);
            (flow * mismatch + drift * new Vector<float>(xt[i..]) + change * new Vector<float>(j[i..])).CopyTo(g[i..]);
        }

        for (; i < g.Length; i++)
            g[i] = flow * (x.SigmaData * f[i] - dxdt[i]) + drift * xt[i] + change * j[i];
    }
}
