using System.Numerics.Tensors;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// On the host, an implicit matrix product: each work item copies the lines that it needs into scratch memory with a border of zeros, unless there is no border, and a
/// window is one run for each of its lines. Bias, residual and activation are applied while the item's sums are in the cache.
/// </summary>
public static unsafe partial class GeneralConv2d
{
    private static void ForwardCpu(CpuDevice cpu, Layer layer)
    {
        (Shape x, Shape y, Window2d window) = (layer.X.Shape, layer.Y.Shape, layer.Weight.Window);
        GeneralWeight weight = layer.Weight;
        int k = weight.Shape.N, outH = y.H, outW = y.W;
        PackedB b = PackedB.Take(weight.Depth, k, weight.Bias).PackColumns(cpu, weight.Matrix.Pointer);
        var split = GemmPartition.Of(cpu, x.N * outH * outW, x.C * window.Stride * window.Stride, weight.Depth, k, halves: 1);
        int images = Math.Max(1, split.Rows / (outH * outW)); // one item takes several small images, or some lines of a large one
        int pieces = split.Rows >= outH * outW ? 1 : (outH + Math.Max(1, split.Rows / outW) - 1) / Math.Max(1, split.Rows / outW);
        int lines = (outH + pieces - 1) / pieces, blocks = (x.N + images - 1) / images;
        cpu.For(blocks * pieces * split.ColumnItems, item =>
        {
            int column = item % split.ColumnItems * split.Columns, rest = item / split.ColumnItems;
            int firstLine = rest % pieces * lines, firstImage = rest / pieces * images;
            int height = Math.Min(lines, outH - firstLine), taken = Math.Min(images, x.N - firstImage);
            if (height <= 0)
                return;
            int rows = taken * height * outW, columns = Math.Min(split.Columns, k - column);
            Lines source = Read(layer, firstImage, taken, firstLine, height);
            nint pixel = ((nint)firstImage * outH + firstLine) * outW;
            float* target = layer.Y.Pointer + pixel * y.C + layer.First + column;
            BlockedGemm.Widest.Multiply(new BlockProduct
            {
                A = source.Start,
                Offsets = source.Offsets,
                Rows = rows,
                Walk = new RowWalk(window.Height, source.LineStride, window.Width * x.C, 1),
                B = b.Panels + (nint)column * b.Depth,
                Columns = columns,
                C = target,
                Stride = y.C,
                Start = b.Bias + column,
            });
            float* residual = layer.Residual is null ? null : layer.Residual.Pointer + pixel * k + column;
            for (int row = 0; row < rows && (residual is not null || layer.Activation != Activation.None); row++)
            {
                var values = new Span<float>(target + (nint)row * y.C, columns);
                if (residual is not null)
                    TensorPrimitives.Add(values, new ReadOnlySpan<float>(residual + (nint)row * k, columns), values);
                Activations.Apply(values, layer.Activation);
            }
        });
    }

    /// <summary>Gives the lines that the windows of some output lines see, and the offset of each window.</summary>
    private static Lines Read(Layer layer, int firstImage, int images, int firstLine, int height)
    {
        (Shape x, Window2d window, int outW) = (layer.X.Shape, layer.Weight.Window, layer.Y.Shape.W);
        int step = window.Stride, needed = (height - 1) * step + window.Height, rows = images * height * outW;
        bool copies = !window.StaysInside;
        int width = copies ? (outW - 1) * step + window.Width : x.W, imageLines = copies ? needed : x.H;
        long floats = copies ? HostScratch.Lines((long)images * needed * width * x.C) : 0;
        float* scratch = HostScratch.OfItem(floats + rows + BlockedGemm.Spare), start = scratch;
        int* offsets = (int*)(scratch + floats), offset = offsets;
        float* image = layer.X.Pointer + (nint)firstImage * x.H * x.W * x.C;
        if (!copies)
            start = image + (nint)firstLine * step * x.W * x.C;
        for (int i = 0; i < images; i++)
        {
            for (int line = 0; copies && line < needed; line++)
            {
                int from = firstLine * step - window.Top + line;
                var target = new Span<float>(scratch + ((nint)i * needed + line) * width * x.C, width * x.C);
                CopyLine(image + ((nint)i * x.H + from) * x.W * x.C, from >= 0 && from < x.H ? x.W * x.C : 0, window.Left * x.C, target);
            }

            for (int line = 0; line < height; line++)
                for (int w = 0; w < outW; w++)
                    *offset++ = ((i * imageLines + line * step) * width + w * step) * x.C;
        }

        BlockedGemm.FillUp(offsets, rows);
        return new Lines(start, offsets, width * x.C);
    }

    /// <summary>Copies a line behind a border of zeros and fills up with zeros.</summary>
    private static void CopyLine(float* line, int length, int border, Span<float> target)
    {
        if (length == 0)
        {
            target.Clear();
            return;
        }

        target[..border].Clear();
        int taken = Math.Min(length, target.Length - border);
        new ReadOnlySpan<float>(line, taken).CopyTo(target[border..]);
        target[(border + taken)..].Clear();
    }

    /// <summary>Lines of images: the first element, the offset of each window, and the distance between lines, in floats.</summary>
    private readonly struct Lines(float* start, int* offsets, int lineStride)
    {
        public readonly float* Start = start;
        public readonly int* Offsets = offsets;
        public readonly int LineStride = lineStride;
    }
}
