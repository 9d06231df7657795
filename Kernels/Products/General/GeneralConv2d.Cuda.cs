using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On a GPU: the matrix of pixels under each window, its product with the filters, and bias, residual and activation.</summary>
public static partial class GeneralConv2d
{
    /// <summary>Maximum number of elements of a matrix of pixels, unless one image has more: 512 MiB in bf16.</summary>
    private const long MaxMatrix = 1 << 28;

    /// <summary>A thread takes a pack of channels under one tap, and writes it for each part. Beyond the last channel of the last tap are zeros.</summary>
    /// <param name="i">Number of a pack in the matrix, parts apart.</param>
    /// <param name="x">(N, H, W, C).</param>
    /// <param name="matrix">(N H' W', parts x depth).</param>
    /// <param name="e">Extents; channels are in packs.</param>
    /// <param name="depth">Packs of a part in a row.</param>
    /// <param name="parts">Number of parts side by side, see <see cref="MatrixParts.Left"/>.</param>
    internal static void UnfoldKernel<TPack>(Index1D i, ArrayView<float> x, ArrayView<TPack> matrix, WindowExtents e, int depth, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        int pixel = i / depth, d = i - pixel * depth, tap = d / e.C, r = tap / e.S;
        int line = pixel / e.OutW, image = line / e.OutH;
        int h = (line - image * e.OutH) * e.Stride - e.Top + r, w = (pixel - line * e.OutW) * e.Stride - e.Left + tap - r * e.S;
        Float8 value = Float8.All(0f);
        if (r < e.R && h >= 0 && h < e.H && w >= 0 && w < e.W)
            value = TPack.LoadSingles(x, ((image * e.H + h) * e.W + w) * e.C + d - tap * e.C);
        TPack first = TPack.Narrow(value);
        int at = pixel * parts * depth + d;
        if (parts == 1)
        {
            matrix[at] = first;
            return;
        }

        Float8 left = value - TPack.Widen(first);
        TPack second = TPack.Narrow(left);
        if (parts == 3)
        {
            matrix[at] = second;
            matrix[at + depth] = first;
            matrix[at + 2 * depth] = first;
            return;
        }

        matrix[at] = TPack.Narrow(left - TPack.Widen(second));
        matrix[at + depth] = second;
        matrix[at + 2 * depth] = first;
        matrix[at + 3 * depth] = second;
        matrix[at + 4 * depth] = first;
        matrix[at + 5 * depth] = first;
    }

    /// <summary>A thread takes one sum: y = f(sum + bias + residual).</summary>
    /// <param name="i">Number of a sum, padded columns not counted.</param>
    /// <param name="sums">(pixels, padded K).</param>
    /// <param name="bias">(K).</param>
    /// <param name="residual">(pixels, K), or anything.</param>
    /// <param name="y">(pixels, C').</param>
    /// <param name="e">Extents.</param>
    internal static void FinishKernel(Index1D i, ArrayView<float> sums, ArrayView<float> bias, ArrayView<float> residual, ArrayView<float> y, FinishExtents e)
    {
        int pixel = i / e.Columns, column = i - pixel * e.Columns;
        float sum = sums[pixel * e.Padded + column] + bias[column];
        if (e.HasResidual != 0)
            sum += residual[i];
        y[pixel * e.Stride + e.First + column] = Activations.Of(sum, e.Activation);
    }

    private static void RecordProducts(ComputeProgram program, Layer layer, long maxMatrix)
    {
        GeneralWeight weight = layer.Weight;
        int images = layer.Y.Shape.N, pixels = layer.Y.Count / layer.Y.Shape.C / images;
        int parts = MatrixParts.Left(weight.Arithmetic).Length;
        int piece = (int)Math.Clamp(maxMatrix / ((long)pixels * parts * weight.PaddedDepth), 1, images);
        for (int first = 0; first < images; first += piece)
            RecordPiece(program, layer.Images(first, Math.Min(piece, images - first)), parts);
    }

    private static void RecordPiece(ComputeProgram program, Layer layer, int parts)
    {
        GeneralWeight weight = layer.Weight;
        int rows = layer.Y.Count / layer.Y.Shape.C, columns = weight.Matrix.Shape.N;
        DType type = weight.Matrix.Type;
        ProductPath path = ProductKernels.On(program.Device, type);
        Tensor matrix = layer.Window.IsPoint && type == DType.Float32
            ? layer.X.Reshape(rows, weight.Depth)
            : program.Allocate(new Shape(rows, parts * weight.PaddedDepth), type: type);
        if (!(layer.Window.IsPoint && type == DType.Float32))
        {
            program.Emit(
                $"{Name}.unfold", [layer.X], [matrix], _ => throw OnHost(),
                gpu => type == DType.Float32 ? UnfoldGpu<One<Single32>>(gpu, layer, matrix, parts)
                    : layer.X.Shape.C % GeneralWeight.Grain == 0 ? UnfoldGpu<Bf16x8>(gpu, layer, matrix, parts)
                    : UnfoldGpu<One<BFloat16>>(gpu, layer, matrix, parts));
        }

        Tensor sums = program.Allocate(new Shape(rows, columns));
        Tensor left = Cast.To(program, $"{Name}.widen", matrix, matrix.Shape, path.Features.ElementType);
        Tensor right = Cast.To(program, $"{Name}.widen", weight.Matrix, weight.Matrix.Shape, path.Features.ElementType);
        var operands = new ForwardOperands(left.Reshape(rows, 1, 1, left.Shape.C), right.Reshape(columns, 1, 1, right.Shape.C));
        program.Emit(
            $"{Name}.product", [left, right], [sums], _ => throw OnHost(),
            gpu => path.Forward(gpu, ConvExtents.Rows(rows, left.Shape.C, columns), operands, sums.Reshape(rows, 1, 1, columns)));
        program.Emit(
            $"{Name}.finish", [sums, weight.Bias, layer.Residual], [layer.Y], _ => throw OnHost(), gpu => FinishGpu(gpu, layer, sums));
    }

    private static Action UnfoldGpu<TPack>(GpuDevice gpu, Layer layer, Tensor matrix, int parts)
        where TPack : unmanaged, IPack<TPack>
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<TPack>, WindowExtents, int, int>(UnfoldKernel);
        var extents = WindowExtents.Of(layer.X.Shape, layer.Y.Shape, layer.Window, 0);
        extents.C /= TPack.Width;
        int depth = layer.Weight.PaddedDepth / TPack.Width, count = matrix.Count / parts / TPack.Width;
        return () => kernel(gpu.Stream, count, layer.X.View, Packs.View<TPack>(matrix), extents, depth, parts);
    }

    private static Action FinishGpu(GpuDevice gpu, Layer layer, Tensor sums)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<
            Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, ArrayView<float>, FinishExtents>(FinishKernel);
        Tensor bias = layer.Weight.Bias, y = layer.Y;
        FinishExtents extents = new()
        {
            Columns = bias.Count,
            Padded = sums.Shape.C,
            Stride = y.Shape.C,
            First = layer.First,
            Activation = (int)layer.Activation,
            HasResidual = layer.Residual is null ? 0 : 1,
        };
        return () => kernel(gpu.Stream, sums.Shape.N * bias.Count, sums.View, bias.View, (layer.Residual ?? bias).View, y.View, extents);
    }

    /// <summary>Columns of the sums, without and with padding; channels of y and the first that is written; the activation; 1 with a residual, otherwise 0.</summary>
    internal struct FinishExtents
    {
        public int Columns, Padded, Stride, First, Activation, HasResidual;
    }
}
