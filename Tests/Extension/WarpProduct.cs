using System.Reflection;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Extension;

/// <summary>
/// A kernel on tensor cores: y = a b^T with a (M, K) and b (8, K) in bf16, y (M, 8) in fp32. A block is one warp, which calculates sixteen rows
/// with mma.sync (PTX ISA 8.0, section 9.7.13.4.8) from registers that it loads itself.
/// </summary>
public static class WarpProduct
{
    private const int Rows = 16, Columns = 8, Depth = 16, Warp = 32, MaxK = 1024;

    /// <summary>Records the product.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">(M, K) bf16; M and K multiples of 16, K at most 1024.</param>
    /// <param name="b">(8, K) bf16.</param>
    /// <returns>(M, 8) fp32.</returns>
    /// <exception cref="ArgumentException">A shape or a type is another.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        int m = a.Shape[0], k = a.Shape[1];
        if (a.Shape != new Shape(m, k) || b.Shape != new Shape(Columns, k) || m % Rows != 0 || k % Depth != 0 || k > MaxK
            || a.Type != DType.BFloat16 || b.Type != DType.BFloat16)
            throw new ArgumentException($"warp_product: {a} times {b}");
        Tensor y = program.Allocate(new Shape(m, Columns));
        program.Emit("warp_product", [a, b], [y], cpu => OnHost(a, b, y), gpu => gpu.TensorCores == TensorCorePath.Portable ? Portable(gpu, a, b, y) : OnTensorCores(gpu, a, b, y));
        return y;
    }

    /// <summary>The kernel's text and what it is launched with; also compiled without a GPU, to look at.</summary>
    /// <param name="k">K, a multiple of 16: the text holds a product for every 16.</param>
    public static PtxKernelSpec Specification(int k) => new(
        typeof(WarpProduct).GetMethod(nameof(Multiply), BindingFlags.Static | BindingFlags.NonPublic)!, Variant: $"k{k}", Architecture: "sm_80",
        Threads: Warp, SharedBytes: 0, new Dictionary<string, string> { ["multiply"] = MultiplyPtx(k) });

    /// <summary>The argument of the kernel.</summary>
    /// <param name="A">Address of a.</param>
    /// <param name="B">Address of b.</param>
    /// <param name="Y">Address of y.</param>
    /// <param name="K">K.</param>
    public readonly record struct Arguments(long A, long B, long Y, int K);

    [PtxEntry]
    private static void Multiply(Arguments arguments)
    {
        int row = Group.IdxX / 4, pair = Group.IdxX % 4; // the lane's place in the fragments of a, b and y
        long element = row * arguments.K + 2 * pair;
        long a = arguments.A + 2 * (Rows * (long)Grid.IdxX * arguments.K + element), b = arguments.B + 2 * element;
        long y = arguments.Y + 4 * (Columns * (Rows * (long)Grid.IdxX + row) + 2 * pair);
        CudaAsm.Emit("@@multiply %0, %1, %2;", a, b, y);
    }

    /// <summary>Loads the fragments, multiplies and stores: $0 to $2 are the lane's addresses in a, b and y.</summary>
    private static string MultiplyPtx(int k)
    {
        PtxText text = new();
        text.Add("""
            {
            .reg .b32 a<4>, b<2>;
            .reg .f32 y<4>;
            mov.f32 y0, 0f00000000;
            mov.f32 y1, 0f00000000;
            mov.f32 y2, 0f00000000;
            mov.f32 y3, 0f00000000;
            """);
        for (int offset = 0; offset < 2 * k; offset += 2 * Depth)
            text.Add($$"""
                ld.global.b32 a0, [$0+{{offset}}];
                ld.global.b32 a1, [$0+{{offset + 16 * k}}];
                ld.global.b32 a2, [$0+{{offset + 16}}];
                ld.global.b32 a3, [$0+{{offset + 16 * k + 16}}];
                ld.global.b32 b0, [$1+{{offset}}];
                ld.global.b32 b1, [$1+{{offset + 16}}];
                mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {y0, y1, y2, y3}, {a0, a1, a2, a3}, {b0, b1}, {y0, y1, y2, y3};
                """);
        return text.Add("""
            st.global.v2.f32 [$2], {y0, y1};
            st.global.v2.f32 [$2+256], {y2, y3};
            }
            """).ToString();
    }

    private static Action OnTensorCores(GpuDevice gpu, Tensor a, Tensor b, Tensor y)
    {
        PtxKernel kernel = PtxKernel.Load(gpu, Specification(a.Shape[1]));
        return () => kernel.Launch(a.Shape[0] / Rows, new Arguments(a.Address, b.Address, y.Address, a.Shape[1]));
    }

    /// <summary>The same in ILGPU's words, for every other device.</summary>
    private static Action Portable(GpuDevice gpu, Tensor a, Tensor b, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<ushort>, ArrayView<ushort>, ArrayView<float>, int>(PortableKernel);
        return () => kernel(gpu.Stream, y.Count, a.ViewOf<ushort>(), b.ViewOf<ushort>(), y.View, a.Shape[1]);
    }

    private static void PortableKernel(Index1D i, ArrayView<ushort> a, ArrayView<ushort> b, ArrayView<float> y, int k)
    {
        float sum = 0;
        for (int j = 0; j < k; j++)
            sum += ToSingle(a[i / Columns * k + j]) * ToSingle(b[i % Columns * k + j]);
        y[i] = sum;
    }

    private static void OnHost(Tensor a, Tensor b, Tensor y)
    {
        int k = a.Shape[1];
        for (int i = 0; i < y.Count; i++)
        {
            float sum = 0;
            for (int j = 0; j < k; j++)
                sum += ToSingle(a.SpanOf<ushort>()[i / Columns * k + j]) * ToSingle(b.SpanOf<ushort>()[i % Columns * k + j]);
            y.Span[i] = sum;
        }
    }

    private static float ToSingle(ushort bits) => Interop.IntAsFloat((uint)bits << 16);
}
