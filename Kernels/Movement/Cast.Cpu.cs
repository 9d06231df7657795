using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Plain loops over the target's elements: on the host nothing in a network is stored in bf16.</summary>
public static partial class Cast
{
    private const int Block = 8192;

    private static void CastCpu(CpuDevice cpu, Tensor source, GradientSlot target)
    {
        if (source.Type == DType.Float32 && target.Tensor.Type == DType.Float32)
            CastCpu<Single32, Single32>(cpu, source, target);
        else if (source.Type == DType.Float32)
            CastCpu<Single32, BFloat16>(cpu, source, target);
        else if (target.Tensor.Type == DType.Float32)
            CastCpu<BFloat16, Single32>(cpu, source, target);
        else
            CastCpu<BFloat16, BFloat16>(cpu, source, target);
    }

    private static void CastCpu<TFrom, TTo>(CpuDevice cpu, Tensor source, GradientSlot target)
        where TFrom : unmanaged, IElement<TFrom>
        where TTo : unmanaged, IElement<TTo>
    {
        int rows = Rows(source), from = source.Shape.C, to = target.Tensor.Shape.C;
        cpu.For(target.Tensor.StoredCount, Block, (start, end) =>
        {
            Span<TFrom> values = source.SpanOf<TFrom>();
            Span<TTo> results = target.Tensor.SpanOf<TTo>();
            for (int i = (int)start; i < end; i++)
            {
                (int row, int column) = Math.DivRem(i, to);
                float value = row < rows && column < from ? TFrom.ToSingle(values[row * from + column]) : 0f;
                results[i] = TTo.FromSingle(target.Accumulate ? TTo.ToSingle(results[i]) + value : value);
            }
        });
    }
}
