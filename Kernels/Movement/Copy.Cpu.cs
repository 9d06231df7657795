using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Memory-bound: one thread.</summary>
public static partial class Copy
{
    private static void IntoCpu(Tensor source, Tensor target)
    {
        switch (source.Type)
        {
            case DType.BFloat16:
                source.SpanOf<ushort>().CopyTo(target.SpanOf<ushort>());
                break;
            case DType.Float32:
                source.Span.CopyTo(target.Span);
                break;
            case DType.Int32:
                source.SpanOf<int>().CopyTo(target.SpanOf<int>());
                break;
            default:
                source.SpanOf<double>().CopyTo(target.SpanOf<double>());
                break;
        }
    }

    private static void BackwardCpu(Tensor dy, GradientSlot dx)
    {
        if (dx.Accumulate)
            TensorPrimitives.Add(dx.Tensor.Span, dy.Span, dx.Tensor.Span);
        else
            dy.Span.CopyTo(dx.Tensor.Span);
    }
}
