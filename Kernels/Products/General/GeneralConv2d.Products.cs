using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>The steps on a GPU: pixels in the form that products take, one product or two, and bias, residual and activation.</summary>
public static partial class GeneralConv2d
{
    /// <summary>Maximum number of elements of a matrix of pixels, unless one image has more: 512 MiB in bf16.</summary>
    private const long MaxMatrix = 1 << 28;

    private static void RecordProducts(ComputeProgram program, Layer layer, long maxMatrix)
    {
        GeneralWeight weight = layer.Weight;
        Shape shape = weight.Main is null ? layer.Y.Shape : layer.X.Shape;
        long row = MatrixParts.Left(weight.Arithmetic).Length * (long)weight.PaddedDepth;
        int piece = (int)Math.Clamp(maxMatrix / (shape.H * shape.W * row), 1, shape.N);
        for (int first = 0; first < shape.N; first += piece)
        {
            Layer images = layer.Images(first, Math.Min(piece, shape.N - first));
            if (weight.Main is null)
                RecordMatrix(program, images);
            else
                RecordTaps(program, images, weight.Main);
        }
    }

    /// <summary>One product of the matrix of pixels, all parts side by side.</summary>
    private static void RecordMatrix(ComputeProgram program, Layer layer)
    {
        GeneralWeight weight = layer.Weight;
        int rows = layer.Y.Count / layer.Y.Shape.C, parts = MatrixParts.Left(weight.Arithmetic).Length;
        DType type = weight.Matrix.Type;
        bool asItIs = weight.Window.IsPoint && type == DType.Float32;
        Tensor matrix = asItIs ? layer.X.Reshape(rows, 1, 1, weight.Depth) : program.Allocate(new Shape(rows, 1, 1, parts * weight.PaddedDepth), type: type);
        if (!asItIs)
        {
            program.Emit(
                $"{Name}.unfold", [layer.X], [matrix], _ => throw OnHost(),
                gpu => type == DType.Float32 ? UnfoldGpu<One<Single32>>(gpu, layer, matrix, parts)
                    : layer.X.Shape.C % GeneralWeight.Grain == 0 ? UnfoldGpu<Bf16x8>(gpu, layer, matrix, parts)
                    : UnfoldGpu<One<BFloat16>>(gpu, layer, matrix, parts));
        }

        RecordFinish(program, layer, Product(program, matrix, weight.Matrix), null);
    }

    /// <summary>Two products over the taps of the images: of all parts but the last, and of the last.</summary>
    private static void RecordTaps(ComputeProgram program, Layer layer, Tensor mainWeight)
    {
        GeneralWeight weight = layer.Weight;
        Shape x = layer.X.Shape;
        int parts = MatrixParts.Left(weight.Arithmetic).Length, channels = weight.PaddedDepth;
        Tensor small = program.Allocate(new Shape(x.N, x.H, x.W, (parts - 1) * channels), type: DType.BFloat16);
        Tensor main = program.Allocate(new Shape(x.N, x.H, x.W, channels), type: DType.BFloat16);
        program.Emit(
            $"{Name}.split", [layer.X], [small, main], _ => throw OnHost(),
            gpu => x.C % GeneralWeight.Grain == 0 ? SplitGpu<Bf16x8>(gpu, layer.X, small, main, parts) : SplitGpu<One<BFloat16>>(gpu, layer.X, small, main, parts));
        RecordFinish(program, layer, Product(program, main, mainWeight), Product(program, small, weight.Matrix));
    }

    /// <summary>Records the product of images and filters as they are, in fp32, with borders that keep the extents.</summary>
    private static Tensor Product(ComputeProgram program, Tensor images, Tensor filters)
    {
        ProductPath path = ProductKernels.On(program.Device, filters.Type);
        Tensor left = Cast.To(program, $"{Name}.widen", images, images.Shape, path.Features.ElementType);
        Tensor right = Cast.To(program, $"{Name}.widen", filters, filters.Shape, path.Features.ElementType);
        Tensor sums = program.Allocate(new Shape(images.Shape.N, images.Shape.H, images.Shape.W, filters.Shape.N));
        program.Emit(
            $"{Name}.product", [left, right], [sums], _ => throw OnHost(), gpu => path.Forward(gpu, ConvExtents.Of(left, right), new ForwardOperands(left, right), sums));
        return sums;
    }

    private static void RecordFinish(ComputeProgram program, Layer layer, Tensor sums, Tensor? small) => program.Emit(
        $"{Name}.finish", [sums, small, layer.Weight.Bias, layer.Residual], [layer.Y], _ => throw OnHost(), gpu => FinishGpu(gpu, layer, sums, small));
}
