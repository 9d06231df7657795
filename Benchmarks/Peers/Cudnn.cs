using System.Runtime.InteropServices;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// Convolutions by cuDNN 9, NHWC in bf16 with fp32 sums, by the algorithms that its heuristics propose: those of its older functions and those of its
/// graph interface (<see cref="CudnnGraph"/>). Its gradient of a weight is bf16, whereas ours is fp32.
/// </summary>
internal sealed unsafe class Cudnn : INativePeer
{
    /// <summary>Values of cudnnDataType_t.</summary>
    public const int Bf16 = 9, Fp32 = 0;

    private const int Nhwc = 1, CrossCorrelation = 1, TensorOps = 1, Proposals = 8;
    private static readonly string[] Files = ["libcudnn.so.9", "cudnn64_9.dll"];
    private readonly nint library, handle;
    private readonly CudnnGraph graph;
    private readonly List<Action> releases = [];

    private Cudnn(GpuDevice gpu, nint library)
    {
        this.library = library;
        nuint version = ((delegate* unmanaged<nuint>)Export("cudnnGetVersion"))();
        Name = $"cudnn {version / 10000}.{version / 100 % 100}.{version % 100}";
        nint created;
        Check(((delegate* unmanaged<nint*, int>)Export("cudnnCreate"))(&created), "cudnnCreate");
        handle = created;
        Check(((delegate* unmanaged<nint, nint, int>)Export("cudnnSetStream"))(handle, gpu.StreamHandle), "cudnnSetStream");
        graph = new CudnnGraph(library, handle);
    }

    public string Name { get; }

    /// <summary>Opens the library for a device; null if it is not installed.</summary>
    public static Cudnn? Open(GpuDevice gpu)
    {
        gpu.Bind();
        return VendorLibrary.Load(Files, "libcudnn*.so.9") is { } found ? new Cudnn(gpu, found.Handle) : null;
    }

    public bool Supports(ProductCase product) => product is { Family: "conv", Type: DType.BFloat16 };

    public DType ResultType(ProductCase product) => DType.BFloat16;

    public IEnumerable<Action> Algorithms(ProductCase product, ProductOperands operands, Tensor result, Tensor workspace) =>
        graph.Algorithms(product, operands, result, workspace).Concat(OlderAlgorithms(product, operands, result, workspace));

    public void Dispose()
    {
        graph.Release();
        releases.ForEach(release => release());
        ((delegate* unmanaged<nint, int>)Export("cudnnDestroy"))(handle);
    }

    private List<Action> OlderAlgorithms(ProductCase product, ProductOperands operands, Tensor result, Tensor workspace)
    {
        Shape x = product.Input;
        nint images = Images(x.N, x.C, x.H, x.W), outputs = Images(x.N, product.OutChannels, x.H, x.W), filter = Filter(product.OutChannels, x.C, product.Taps), form = Form(product.Taps / 2);
        (long xAt, long wAt, long dyAt, long at) = (operands.Input.Tensor.Address, operands.Weight.Tensor.Address, operands.Cotangent?.Tensor.Address ?? 0, result.Address);
        return product.Direction switch
        {
            Direction.Forward => Algorithms("cudnnGetConvolutionForwardAlgorithm_v7", "cudnnConvolutionForward", images, xAt, filter, wAt, form, outputs, at, workspace),
            Direction.InputGradient => Algorithms("cudnnGetConvolutionBackwardDataAlgorithm_v7", "cudnnConvolutionBackwardData", filter, wAt, outputs, dyAt, form, images, at, workspace),
            _ => Algorithms("cudnnGetConvolutionBackwardFilterAlgorithm_v7", "cudnnConvolutionBackwardFilter", images, xAt, outputs, dyAt, form, filter, at, workspace),
        };
    }

    /// <summary>The functions of the three directions have the same signature: two operands, the convolution, the result.</summary>
    private List<Action> Algorithms(string propose, string run, nint first, long firstAt, nint second, long secondAt, nint form, nint result, long resultAt, Tensor workspace)
    {
        Proposal[] proposals = new Proposal[Proposals];
        int count;
        fixed (Proposal* start = proposals)
        {
            Check(((delegate* unmanaged<nint, nint, nint, nint, nint, int, int*, Proposal*, int>)Export(propose))(
                handle, first, second, form, result, Proposals, &count, start), propose);
        }

        var launch = (delegate* unmanaged<nint, float*, nint, long, nint, long, nint, int, long, nuint, float*, nint, long, int>)Export(run);
        var algorithms = new List<Action>();
        foreach (Proposal proposal in proposals.Take(count).Where(proposal => proposal.Status == 0 && proposal.Memory <= (nuint)workspace.ByteCount))
        {
            algorithms.Add(() =>
            {
                float one = 1, zero = 0;
                Check(launch(
                    handle, &one, first, firstAt, second, secondAt, form, proposal.Algorithm, workspace.Address, (nuint)workspace.ByteCount, &zero, result, resultAt), run);
            });
        }

        return algorithms;
    }

    private nint Images(int n, int c, int h, int w)
    {
        nint descriptor = Create("cudnnCreateTensorDescriptor", "cudnnDestroyTensorDescriptor");
        Check(((delegate* unmanaged<nint, int, int, int, int, int, int, int>)Export("cudnnSetTensor4dDescriptor"))(descriptor, Nhwc, Bf16, n, c, h, w), "cudnnSetTensor4dDescriptor");
        return descriptor;
    }

    private nint Filter(int k, int c, int taps)
    {
        nint descriptor = Create("cudnnCreateFilterDescriptor", "cudnnDestroyFilterDescriptor");
        Check(((delegate* unmanaged<nint, int, int, int, int, int, int, int>)Export("cudnnSetFilter4dDescriptor"))(descriptor, Bf16, Nhwc, k, c, taps, taps), "cudnnSetFilter4dDescriptor");
        return descriptor;
    }

    private nint Form(int padding)
    {
        nint descriptor = Create("cudnnCreateConvolutionDescriptor", "cudnnDestroyConvolutionDescriptor");
        Check(((delegate* unmanaged<nint, int, int, int, int, int, int, int, int, int>)Export("cudnnSetConvolution2dDescriptor"))(
            descriptor, padding, padding, 1, 1, 1, 1, CrossCorrelation, Fp32), "cudnnSetConvolution2dDescriptor");
        Check(((delegate* unmanaged<nint, int, int>)Export("cudnnSetConvolutionMathType"))(descriptor, TensorOps), "cudnnSetConvolutionMathType");
        return descriptor;
    }

    private nint Create(string function, string release)
    {
        nint descriptor;
        Check(((delegate* unmanaged<nint*, int>)Export(function))(&descriptor), function);
        ReleaseLater(release, descriptor);
        return descriptor;
    }

    private void ReleaseLater(string function, nint descriptor) => releases.Add(() => ((delegate* unmanaged<nint, int>)Export(function))(descriptor));

    private void* Export(string name) => (void*)NativeLibrary.GetExport(library, name);

    private static void Check(int code, string what)
    {
        if (code != 0)
            throw new InvalidOperationException($"{what} returned {code}");
    }

    /// <summary>cudnnConvolution...AlgoPerf_t, which is the same for all directions.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 48)]
    private struct Proposal
    {
        public readonly int Algorithm, Status;
        private readonly float time;
        public readonly nuint Memory;
    }
}
