using System.Runtime.Intrinsics;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Convolutions on the host as implicit matrix products. Forward and input gradient: each work item copies a few image lines with a border of zeros into scratch
/// memory, where a 3x3 patch is three contiguous runs. Weight gradient: patches are packed panel by panel. In a 1x1 convolution every pixel is a row of a matrix.
/// </summary>
internal static unsafe class ConvolutionHost
{
    private const int Extent = 3, Taps = Extent * Extent;

    /// <summary>y = conv(x) + bias; the tangent takes no bias.</summary>
    public static void Forward(CpuDevice cpu, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        int c = x.Shape.C;
        if (weight.Shape[1] == Extent && y.Shape.C <= Vector128<float>.Count)
        {
            ForwardNarrow(cpu, x, weight, bias, y);
            return;
        }

        PackedB factor = PackedB.Take(weight.Shape[1] * weight.Shape[1] * c, y.Shape.C, bias).PackColumns(cpu, weight.Pointer);
        if (weight.Shape[1] == 1)
            ThreadedGemm.Multiply(cpu, x.Pointer, (int)(x.StoredCount / c), factor, y.Pointer, add: false, x.Count / c);
        else
            Correlate(cpu, x.Pointer, x.Shape, x.StoredN / x.Shape.N, factor, y.Pointer, add: false);
    }

    /// <summary>dx (+)= the convolution of dy with the weight turned by 180 degrees and its channels exchanged.</summary>
    public static void InputGradient(CpuDevice cpu, Tensor dy, Tensor weight, GradientSlot dx)
    {
        int c = dx.Tensor.Shape.C, k = dy.Shape.C, rows = dy.Count / k;
        if (weight.Shape[1] == 1)
        {
            ThreadedGemm.Multiply(cpu, dy.Pointer, rows, PackedB.Take(k, c).PackRows(cpu, weight.Pointer), dx.Tensor.Pointer, dx.Accumulate, rows);
            return;
        }

        BlockedGemm gemm = BlockedGemm.Widest;
        float* w = weight.Pointer;
        PackedB turned = PackedB.Take(Taps * k, c).Pack(cpu, (column, width, panel) =>
        {
            for (int tap = 0; tap < Taps; tap++)
                gemm.PackRows(w + (Taps - 1 - tap) * c + column, Taps * c, k, width, (float*)panel + (nint)tap * k * gemm.PanelColumns);
        });
        Correlate(cpu, dy.Pointer, dy.Shape, 1, turned, dx.Tensor.Pointer, dx.Accumulate);
    }

    /// <summary>dWeight (+)= the sum over pixels of dy times the patches of x.</summary>
    public static void WeightGradient(CpuDevice cpu, Tensor x, Tensor dy, GradientSlot dWeight)
    {
        Shape shape = x.Shape;
        int extent = dWeight.Tensor.Shape[1];
        ImagePatches patches = extent == 1
            ? new ImagePatches(x.Pointer, 1, x.Count / shape.C, shape.C, 1)
            : new ImagePatches(x.Pointer, shape.H, shape.W, shape.C, extent);
        ThreadedGemm.Gradient(cpu, dy.Pointer, x.Count / shape.C, dy.Shape.C, patches, dWeight.Tensor.Pointer, dWeight.Accumulate);
    }

    /// <summary>dBias (+)= the sum of dy over pixels.</summary>
    public static void BiasGradient(CpuDevice cpu, Tensor dy, GradientSlot dBias) =>
        ThreadedGemm.SumRows(cpu, dy.Pointer, dy.Count / dy.Shape.C, dy.Shape.C, dBias.Tensor.Pointer, dBias.Accumulate);

    /// <summary>3x3 correlation of (halves N, H, W, C) images with packed weights.</summary>
    /// <param name="cpu">Device whose threads run the loops.</param>
    /// <param name="x">The images.</param>
    /// <param name="shape">(N, H, W, C) of the primal.</param>
    /// <param name="halves">2 if a tangent follows the primal.</param>
    /// <param name="b">The weights: depth (r, s, c), columns K.</param>
    /// <param name="y">Receives (halves N, H, W, K).</param>
    /// <param name="add">Whether to add to y.</param>
    private static void Correlate(CpuDevice cpu, float* x, Shape shape, int halves, PackedB b, float* y, bool add)
    {
        int n = shape.N, h = shape.H, w = shape.W, c = shape.C, k = b.Columns;
        var split = GemmPartition.Of(cpu, n * h * w, c, b.Depth, k, halves);
        int images = Math.Max(1, split.Rows / (h * w)); // one item takes several small images, or some lines of a large one
        int pieces = split.Rows >= h * w ? 1 : (h + Math.Max(1, split.Rows / w) - 1) / Math.Max(1, split.Rows / w);
        int lines = (h + pieces - 1) / pieces, blocks = (n + images - 1) / images;
        cpu.For(halves * blocks * pieces * split.ColumnItems, item =>
        {
            int column = item % split.ColumnItems * split.Columns;
            int rest = item / split.ColumnItems, firstLine = rest % pieces * lines;
            int half = rest / pieces / blocks, firstImage = rest / pieces % blocks * images;
            int taken = Math.Min(images, n - firstImage), height = Math.Min(lines, h - firstLine), rows = taken * height * w;
            if (height <= 0)
                return;
            int pixels = taken * (height + 2) * (w + 2);
            float* framed = HostScratch.OfItem(HostScratch.Lines((long)pixels * c) + rows + BlockedGemm.Spare);
            int* offsets = (int*)(framed + HostScratch.Lines((long)pixels * c)), offset = offsets;
            nint image = (nint)half * n + firstImage;
            for (int i = 0; i < taken; i++)
            {
                int corner = i * (height + 2) * (w + 2) * c;
                Frame(x + (image + i) * h * w * c, h, w * c, c, firstLine, height, framed + corner);
                for (int line = 0; line < height; line++, corner += (w + 2) * c)
                    for (int j = 0; j < w; j++)
                        *offset++ = corner + j * c;
            }

            BlockedGemm.FillUp(offsets, rows);
            BlockedGemm.Widest.Multiply(new BlockProduct
            {
                A = framed,
                Offsets = offsets,
                Rows = rows,
                Walk = new RowWalk(Extent, (w + 2) * c, Extent * c, 1),
                B = b.Panels + (nint)column * b.Depth,
                Columns = Math.Min(split.Columns, k - column),
                C = y + ((image * h + firstLine) * w) * k + column,
                Stride = k,
                Start = add ? null : (half == 0 ? b.Bias : b.Zeros) + column,
            });
        });
    }

    /// <summary>
    /// Forward for a few output channels, such as an image's three, which would leave most of a panel empty: every pixel is multiplied by all nine
    /// taps at once, giving 9 K columns, and each output gathers its nine products.
    /// </summary>
    private static void ForwardNarrow(CpuDevice cpu, Tensor x, Tensor weight, Tensor? bias, Tensor y)
    {
        int n = x.Shape.N, h = x.Shape.H, w = x.Shape.W, c = x.Shape.C, k = y.Shape.C;
        int padded = StridedGemm.Padded(Taps * k);
        float* source = x.Pointer, target = y.Pointer, taps = HostScratch.OfItem((long)Taps * k * c); // valid until the work items begin
        ReadOnlySpan<float> weights = weight.Span;
        for (int row = 0; row < Taps * k; row++) // (k, tap, c) to (tap, k, c), so that a tap's products are neighbours
            weights.Slice((row % k * Taps + row / k) * c, c).CopyTo(new Span<float>(taps + (nint)row * c, c));
        PackedB factor = PackedB.Take(c, Taps * k).PackColumns(cpu, taps);
        Vector128<float> start = default;
        for (int i = 0; i < k && bias is not null; i++)
            start = start.WithElement(i, bias.Span[i]);

        const int block = 252; // rows of a product
        int lines = Math.Min(h, Math.Max(8, 512 / w)), pieces = (h + lines - 1) / lines; // many lines, since the line above and the line below are computed twice
        cpu.For(x.StoredN * pieces, item =>
        {
            int image = item / pieces, top = item % pieces * lines, end = Math.Min(h, top + lines);
            int from = Math.Max(0, top - 1), rows = (Math.Min(h, end + 1) - from) * w;
            float* products = HostScratch.OfItem((long)rows * padded);
            for (int row = 0; row < rows; row += block)
            {
                StridedGemm.Multiply(
                    source + (((nint)image * h + from) * w + row) * c, c, 1, Math.Min(block, rows - row), c, factor.Panels, padded,
                    products + (nint)row * padded, padded, factor.Zeros);
            }

            for (int line = top; line < end; line++)
            {
                Gather(
                    products + (nint)(line - from) * w * padded, padded, line == 0 ? 1 : 0, line == h - 1 ? Extent - 1 : Extent, w, k,
                    image < n ? start : default, target + ((nint)image * h + line) * w * k);
            }
        });
    }

    /// <summary>y[w] = start + sum over r in [first, last) and s of the product of pixel (r - 1, w + s - 1) and tap (r, s).</summary>
    private static void Gather(float* products, int stride, int first, int last, int width, int k, Vector128<float> start, float* y)
    {
        for (int w = 0; w < width; w++, y += k)
        {
            Vector128<float> sum = start;
            for (int r = first; r < last; r++)
            {
                float* tap = products + ((nint)(r - 1) * width + w) * stride + r * Extent * k;
                if (w > 0)
                    sum += Vector128.Load(tap - stride);
                sum += Vector128.Load(tap + k);
                if (w < width - 1)
                    sum += Vector128.Load(tap + stride + 2 * k);
            }

            if (w < width - 1 && k > 1) // the next pixel overwrites the values written beyond this one
                sum.Store(y);
            else
                for (int j = 0; j < k; j++)
                    y[j] = sum[j];
        }
    }

    /// <summary>Copies the lines [first, first + height) of an image and one more above and below, with a border of zeros.</summary>
    private static void Frame(float* image, int h, int width, int border, int first, int height, float* framed)
    {
        for (int line = first - 1; line <= first + height; line++, framed += width + 2 * border)
        {
            var target = new Span<float>(framed, width + 2 * border);
            if (line < 0 || line >= h)
            {
                target.Clear();
                continue;
            }

            target[..border].Clear();
            new ReadOnlySpan<float>(image + (nint)line * width, width).CopyTo(target[border..]);
            target[^border..].Clear();
        }
    }
}
