using System.Runtime.InteropServices;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>Matrix products by cuBLASLt, bf16 with fp32 sums, by the first algorithms that its heuristics propose.</summary>
internal sealed unsafe class CublasLt : INativePeer
{
    private const int Bf16 = 14, Fp32 = 0, Compute32 = 68, TransposeA = 3, TransposeB = 4, MaxWorkspace = 1, Proposals = 8;
    private static readonly string[] Files = ["libcublasLt.so.13", "libcublasLt.so.12", "cublasLt64_13.dll", "cublasLt64_12.dll"];
    private readonly GpuDevice gpu;
    private readonly nint library, handle;
    private readonly List<Action> releases = [];

    private CublasLt(GpuDevice gpu, nint library)
    {
        (this.gpu, this.library) = (gpu, library);
        nuint version = ((delegate* unmanaged<nuint>)Export("cublasLtGetVersion"))();
        Name = $"cublasLt {version / 10000}.{version / 100 % 100}.{version % 100}";
        nint created;
        Check(((delegate* unmanaged<nint*, int>)Export("cublasLtCreate"))(&created), "cublasLtCreate");
        handle = created;
    }

    public string Name { get; }

    /// <summary>Opens the library for a device; null if it is not installed.</summary>
    public static CublasLt? Open(GpuDevice gpu)
    {
        gpu.Bind();
        return VendorLibrary.Load(Files) is { } found ? new CublasLt(gpu, found.Handle) : null;
    }

    public bool Supports(ProductCase product) => product is { Family: "gemm", Type: DType.BFloat16 };

    /// <summary>fp32 for the gradient of a weight, as in this project.</summary>
    public DType ResultType(ProductCase product) => product.Direction == Direction.WeightGradient ? DType.Float32 : DType.BFloat16;

    /// <summary>
    /// Our matrices are stored by rows, which this library reads as their transposes: y' (n, m) = W (n, k) x' (k, m), dx' (k, m) = W' (k, n) dy' (n, m),
    /// dW' (k, n) = x' (k, m) dy (m, n).
    /// </summary>
    public IEnumerable<Action> Algorithms(ProductCase product, ProductOperands operands, Tensor result, Tensor workspace)
    {
        (long m, long n, long k) = (product.Pixels, product.OutChannels, product.InChannels);
        (Tensor x, Tensor w, Tensor? dy) = (operands.Input.Tensor, operands.Weight.Tensor, operands.Cotangent?.Tensor);
        return product.Direction switch
        {
            Direction.Forward => Algorithms(new Matrix(w, k, n, true), new Matrix(x, k, m, false), new Matrix(result, n, m, false), workspace),
            Direction.InputGradient => Algorithms(new Matrix(w, k, n, false), new Matrix(dy!, n, m, false), new Matrix(result, k, m, false), workspace),
            _ => Algorithms(new Matrix(x, k, m, false), new Matrix(dy!, n, m, true), new Matrix(result, k, n, false), workspace),
        };
    }

    public void Dispose()
    {
        releases.ForEach(release => release());
        ((delegate* unmanaged<nint, int>)Export("cublasLtDestroy"))(handle);
    }

    private List<Action> Algorithms(Matrix a, Matrix b, Matrix d, Tensor workspace)
    {
        nint operation, preference;
        Check(((delegate* unmanaged<nint*, int, int, int>)Export("cublasLtMatmulDescCreate"))(&operation, Compute32, Fp32), "cublasLtMatmulDescCreate");
        ReleaseLater("cublasLtMatmulDescDestroy", operation);
        Set("cublasLtMatmulDescSetAttribute", operation, TransposeA, a.Transposed ? 1 : 0);
        Set("cublasLtMatmulDescSetAttribute", operation, TransposeB, b.Transposed ? 1 : 0);
        nint layoutA = Layout(a), layoutB = Layout(b), layoutD = Layout(d);
        Check(((delegate* unmanaged<nint*, int>)Export("cublasLtMatmulPreferenceCreate"))(&preference), "cublasLtMatmulPreferenceCreate");
        ReleaseLater("cublasLtMatmulPreferenceDestroy", preference);
        Set("cublasLtMatmulPreferenceSetAttribute", preference, MaxWorkspace, workspace.ByteCount);
        Proposal[] proposals = new Proposal[Proposals];
        int count;
        fixed (Proposal* first = proposals)
        {
            Check(((delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, Proposal*, int*, int>)Export("cublasLtMatmulAlgoGetHeuristic"))(
                handle, operation, layoutA, layoutB, layoutD, layoutD, preference, Proposals, first, &count), "cublasLtMatmulAlgoGetHeuristic");
        }

        var multiply = (delegate* unmanaged<nint, nint, float*, long, nint, long, nint, float*, long, nint, long, nint, Proposal*, long, nuint, nint, int>)Export("cublasLtMatmul");
        nint described = operation; // a lambda cannot capture a variable whose address was taken
        var algorithms = new List<Action>();
        foreach (Proposal proposal in proposals.Take(count).Where(proposal => proposal.State == 0))
        {
            algorithms.Add(() =>
            {
                float one = 1, zero = 0;
                Proposal algorithm = proposal;
                Check(multiply(
                    handle, described, &one, a.Data.Address, layoutA, b.Data.Address, layoutB, &zero, d.Data.Address, layoutD, d.Data.Address, layoutD, &algorithm,
                    workspace.Address, (nuint)workspace.ByteCount, gpu.StreamHandle), "cublasLtMatmul");
            });
        }

        return algorithms;
    }

    private nint Layout(Matrix matrix)
    {
        nint layout;
        Check(((delegate* unmanaged<nint*, int, ulong, ulong, long, int>)Export("cublasLtMatrixLayoutCreate"))(
            &layout, matrix.Data.Type == DType.BFloat16 ? Bf16 : Fp32, (ulong)matrix.Rows, (ulong)matrix.Columns, matrix.Rows), "cublasLtMatrixLayoutCreate");
        ReleaseLater("cublasLtMatrixLayoutDestroy", layout);
        return layout;
    }

    private void Set<T>(string function, nint target, int attribute, T value)
        where T : unmanaged =>
        Check(((delegate* unmanaged<nint, int, void*, nuint, int>)Export(function))(target, attribute, &value, (nuint)sizeof(T)), function);

    private void ReleaseLater(string function, nint target) => releases.Add(() => ((delegate* unmanaged<nint, int>)Export(function))(target));

    private void* Export(string name) => (void*)NativeLibrary.GetExport(library, name);

    private static void Check(int code, string what)
    {
        if (code != 0)
            throw new InvalidOperationException($"{what} returned {code}");
    }

    /// <summary>A matrix stored by columns.</summary>
    private sealed record Matrix(Tensor Data, long Rows, long Columns, bool Transposed);

    /// <summary>cublasLtMatmulHeuristicResult_t, whose first 64 bytes are the algorithm.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 96)]
    private struct Proposal
    {
        private fixed ulong algorithm[8];
        private readonly nuint workspaceBytes;
        public readonly int State;
    }
}
