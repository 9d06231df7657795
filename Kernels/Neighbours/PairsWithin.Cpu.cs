using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, threads take rows.</summary>
public static partial class PairsWithin
{
    private static void ForwardCpu(CpuDevice cpu, Tensor products, Tensor x, Tensor y, float factor, Tensor list)
    {
        int rows = products.Shape[0], columns = products.Shape[1];
        list.SpanOf<int>().Clear();
        cpu.For(rows, i =>
        {
            Span<int> found = list.SpanOf<int>();
            ReadOnlySpan<float> row = products.Span.Slice(i * columns, columns), ofX = x.Span, ofY = y.Span;
            for (int j = 0; j < columns; j++)
            {
                if ((ofX[i] + ofY[j]) * factor - 2 * row[j] <= MathF.Max(ofX[rows + i], ofY[columns + j]))
                {
                    int place = Interlocked.Increment(ref found[0]);
                    if (place < found.Length)
                        found[place] = i * columns + j;
                }
            }
        });
    }
}
