using System.Reflection;
using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Extension;

/// <summary>
/// A kernel on tensor cores: y = a b^T with a (M, K) and b (8, K) in bf16, y (M, 8) in fp32. Each of a block's four warps calculates sixteen
/// rows with mma.sync (PTX ISA 8.0, section 9.7.13.4.8) from registers that it loads itself.
/// </summary>
public static partial class WarpProduct
{
    private const string Name = "warp_product";
    private const int Rows = 16, Columns = 8, Depth = 16, Warps = 4, WarpThreads = 32, MaxK = 1024;

    /// <summary>Records the product, which has no rule for tangents and gradients.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="a">(M, K) bf16. Tensor cores take M and K that are multiples of 16 and K up to 1024; the portable kernel takes any.</param>
    /// <param name="b">(8, K) bf16.</param>
    /// <returns>(M, 8) fp32.</returns>
    /// <exception cref="ArgumentException">The shapes do not fit, a type is not bf16, or an operand has a tangent or needs a gradient.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor a, Tensor b)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        int m = a.Shape[0], k = a.Shape[-1];
        if (a.Shape != new Shape(m, k) || b.Shape != new Shape(Columns, k) || a.Type != DType.BFloat16 || b.Type != DType.BFloat16)
            throw new ArgumentException($"{Name}: {a} times {b}, expected (M, K) and ({Columns}, K) in bf16");
        Expect.NoTangent(Name, a, b);
        Expect.NoGradient(Name, program, a, b);
        Tensor y = program.Allocate(new Shape(m, Columns));
        program.Emit(Name, [a, b], [y], cpu => OnHost(a, b, y), gpu => gpu.TensorCores != TensorCorePath.Portable && Takes(m, k) ? OnTensorCores(gpu, a, b, y) : Portable(gpu, a, b, y));
        return y;
    }

    /// <summary>Whether the kernel on tensor cores takes the extents; it neither pads nor masks.</summary>
    private static bool Takes(int m, int k) => m % Rows == 0 && k % Depth == 0 && k <= MaxK;

    /// <summary>Returns the kernel's text and the numbers with which it is launched; a machine without a GPU can compile it too.</summary>
    /// <param name="k">K, a multiple of 16 up to 1024: the text holds a product for every 16.</param>
    public static PtxKernelSpec Specification(int k) => new(
        typeof(WarpProduct).GetMethod(nameof(Multiply), BindingFlags.Static | BindingFlags.NonPublic)!, Variant: $"k{k}", Architecture: "sm_80",
        Threads: Warps * WarpThreads, SharedBytes: 0, new Dictionary<string, string> { ["multiply"] = MultiplyPtx(k) });

    /// <summary>Returns the number of blocks that the kernel is launched with.</summary>
    /// <param name="m">M.</param>
    public static int Blocks(int m) => (m + Warps * Rows - 1) / (Warps * Rows);

    /// <summary>The argument of the kernel: numbers and addresses, a multiple of 8 bytes without gaps.</summary>
    /// <param name="A">Address of a.</param>
    /// <param name="B">Address of b.</param>
    /// <param name="Y">Address of y.</param>
    /// <param name="M">M, a multiple of 16; warps beyond it do nothing.</param>
    /// <param name="K">K, the number for which the text was made.</param>
    public readonly record struct Arguments(long A, long B, long Y, int M, int K);

    [PtxEntry]
    private static void Multiply(Arguments arguments)
    {
        int warp = Warps * Grid.IdxX + (Group.IdxX >> 5), lane = Group.IdxX & (WarpThreads - 1);
        if (Rows * warp < arguments.M) // the same for all lanes, as mma.sync wants
        {
            int row = lane >> 2, pair = 2 * (lane & 3); // the lane's place in the fragments of a, b and y
            long element = row * arguments.K + pair;
            long a = arguments.A + 2 * (Rows * (long)warp * arguments.K + element), b = arguments.B + 2 * element;
            long y = arguments.Y + 4 * (Columns * (Rows * (long)warp + row) + pair);
            CudaAsm.Emit("@@multiply %0, %1, %2;", a, b, y);
        }
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
        return () => kernel.Launch(Blocks(a.Shape[0]), new Arguments(a.Address, b.Address, y.Address, a.Shape[0], a.Shape[1]));
    }
}
