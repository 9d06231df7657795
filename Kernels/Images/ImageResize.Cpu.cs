using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, a work item is a line of the output: the lines that it needs are blended first, then their columns.</summary>
public static unsafe partial class ImageResize
{
    private static void ForwardCpu(CpuDevice cpu, Tensor bytes, Shape images, ResizeTaps rows, ResizeTaps columns, Tensor scale, Tensor shift, Tensor y)
    {
        int channels = images.C, width = images.W * channels, step = channels == 1 ? 0 : 1;
        float[] rowWeights = Array.ConvertAll(rows.Weights, weight => (float)weight), columnWeights = Array.ConvertAll(columns.Weights, weight => (float)weight);
        cpu.For(images.N * rows.Output, item =>
        {
            int image = item / rows.Output, line = item % rows.Output;
            ReadOnlySpan<byte> source = MemoryMarshal.AsBytes(bytes.SpanOf<int>()).Slice(image * images.H * width, images.H * width);
            var blended = new Span<float>(HostScratch.OfItem(width), width);
            blended.Clear();
            for (int i = line * rows.Count; i < (line + 1) * rows.Count; i++)
            {
                ReadOnlySpan<byte> from = source.Slice(rows.Positions[i] * width, width);
                for (int j = 0; j < width; j++)
                    blended[j] += rowWeights[i] * from[j];
            }

            Span<float> target = y.Span.Slice(item * columns.Output * Channels, columns.Output * Channels);
            ReadOnlySpan<float> factors = scale.Span, shifts = shift.Count == Channels ? shift.Span : shift.Span.Slice(line * target.Length, target.Length);
            for (int x = 0; x < columns.Output; x++)
            {
                for (int c = 0; c < Channels; c++)
                {
                    float sum = 0;
                    for (int i = x * columns.Count; i < (x + 1) * columns.Count; i++)
                        sum += columnWeights[i] * blended[columns.Positions[i] * channels + c * step];
                    target[x * Channels + c] = factors[c] * sum + shifts[shifts.Length == Channels ? c : x * Channels + c];
                }
            }
        });
    }
}
