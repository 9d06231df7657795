using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// Convolutions by cuDNN's graph interface, which PyTorch also uses and which has kernels that the older functions of <see cref="Cudnn"/> lack. There is a plan
/// for each of the first ten configurations that its heuristics propose (mode A) or, if none of them has a plan, for those of the fallback mode.
/// </summary>
internal sealed class CudnnGraph(nint library, nint handle)
{
    private const int Proposals = 10, Alignment = 16, CrossCorrelation = 1, HeuristicsA = 3, Fallback = 2;
    private const long Image = 1, Filter = 2, Result = 3; // the library identifies tensors by a number

    // cudnnBackendAttributeName_t
    private const int ComputeType = 100, Mode = 101, Dilations = 102, Strides = 103, PaddingsBehind = 104, PaddingsBefore = 105, SpatialDimensions = 106;
    private const int ProposalMode = 200, ProposalGraph = 201, ProposalResults = 202, PlanHandle = 400, PlanConfiguration = 401, PlanWorkspace = 402;
    private const int GraphHandle = 800, GraphOperations = 801, TensorAlignment = 900, TensorType = 901, TensorExtents = 902, TensorStrides = 903, TensorName = 906;
    private const int PackNames = 1000, PackPointers = 1001, PackWorkspace = 1003;
    private readonly CudnnBackend backend = new(library);

    /// <summary>Descriptor type and attributes of an operation. The attributes that follow alpha are beta and the convolution.</summary>
    private sealed record Operation(int Type, int Alpha, int Weight, int Input, int Output);

    /// <summary>Makes the plans of a convolution and releases those of the previous one.</summary>
    public IEnumerable<Action> Algorithms(ProductCase product, ProductOperands operands, Tensor result, Tensor workspace)
    {
        Release();
        Operation operation = product.Direction switch
        {
            Direction.Forward => new(Type: 10, Alpha: 700, Weight: 703, Input: 704, Output: 705),
            Direction.InputGradient => new(Type: 12, Alpha: 706, Weight: 709, Input: 710, Output: 711),
            _ => new(Type: 11, Alpha: 712, Weight: 715, Input: 716, Output: 717),
        };
        nint graph = Graph(product, operation);
        long images = product.Direction == Direction.InputGradient ? result.Address : operands.Input.Tensor.Address;
        long filter = product.Direction is Direction.Forward or Direction.InputGradient ? operands.Weight.Tensor.Address : result.Address;
        long outputs = product.Direction == Direction.Forward ? result.Address : operands.Cotangent!.Tensor.Address;
        nint pack = backend.Create(CudnnBackend.VariantPack);
        backend.Set(pack, PackNames, CudnnBackend.Int64, Image, Filter, Result);
        backend.Set(pack, PackPointers, CudnnBackend.Pointer, images, filter, outputs);
        backend.Set(pack, PackWorkspace, CudnnBackend.Pointer, workspace.Address);
        backend.Finish(pack, "variant pack");
        nint[] plans = [.. Plans(graph, HeuristicsA, workspace.ByteCount)];
        if (plans.Length == 0)
            plans = [.. Plans(graph, Fallback, workspace.ByteCount)];
        return plans.Select(plan => new Action(() => backend.Execute(handle, plan, pack)));
    }

    /// <summary>Releases the plans.</summary>
    public void Release() => backend.Release();

    /// <summary>Returns plans of the proposed configurations, except those that the library then refuses or whose workspace is too large.</summary>
    private IEnumerable<nint> Plans(nint graph, int mode, long maxWorkspace)
    {
        nint heuristics = backend.Create(CudnnBackend.EngineHeuristics);
        backend.Set(heuristics, ProposalGraph, CudnnBackend.Descriptor, graph);
        backend.Set(heuristics, ProposalMode, CudnnBackend.HeuristicsMode, mode);
        if (!backend.TryFinish(heuristics))
            yield break;
        foreach (nint configuration in backend.Descriptors(heuristics, ProposalResults, CudnnBackend.EngineConfiguration, Proposals))
        {
            nint plan = backend.Create(CudnnBackend.ExecutionPlan);
            backend.Set(plan, PlanHandle, CudnnBackend.Handle, handle);
            backend.Set(plan, PlanConfiguration, CudnnBackend.Descriptor, configuration);
            if (backend.TryFinish(plan) && backend.Number(plan, PlanWorkspace) <= maxWorkspace)
                yield return plan;
        }
    }

    /// <summary>Creates a graph of a single operation.</summary>
    private nint Graph(ProductCase product, Operation operation)
    {
        Shape x = product.Input;
        long taps = product.Taps, padding = taps / 2;
        nint convolution = backend.Create(CudnnBackend.Convolution);
        backend.Set(convolution, ComputeType, CudnnBackend.DataType, Cudnn.Fp32);
        backend.Set(convolution, Mode, CudnnBackend.ConvolutionMode, CrossCorrelation);
        backend.Set(convolution, SpatialDimensions, CudnnBackend.Int64, 2L);
        backend.Set(convolution, Dilations, CudnnBackend.Int64, 1L, 1L);
        backend.Set(convolution, Strides, CudnnBackend.Int64, 1L, 1L);
        backend.Set(convolution, PaddingsBefore, CudnnBackend.Int64, padding, padding);
        backend.Set(convolution, PaddingsBehind, CudnnBackend.Int64, padding, padding);
        backend.Finish(convolution, "convolution");
        nint described = backend.Create(operation.Type);
        backend.Set(described, operation.Alpha, CudnnBackend.Single, 1f);
        backend.Set(described, operation.Alpha + 1, CudnnBackend.Single, 0f);
        backend.Set(described, operation.Alpha + 2, CudnnBackend.Descriptor, convolution);
        backend.Set(described, operation.Input, CudnnBackend.Descriptor, ChannelsLast(Image, x.N, x.C, x.H, x.W));
        backend.Set(described, operation.Weight, CudnnBackend.Descriptor, ChannelsLast(Filter, product.OutChannels, x.C, taps, taps));
        backend.Set(described, operation.Output, CudnnBackend.Descriptor, ChannelsLast(Result, x.N, product.OutChannels, x.H, x.W));
        backend.Finish(described, "operation");
        nint graph = backend.Create(CudnnBackend.OperationGraph);
        backend.Set(graph, GraphHandle, CudnnBackend.Handle, handle);
        backend.Set(graph, GraphOperations, CudnnBackend.Descriptor, described);
        backend.Finish(graph, "operation graph");
        return graph;
    }

    /// <summary>Creates a bf16 tensor with channels last in memory; the library takes extents and strides in the order (n, c, h, w).</summary>
    private nint ChannelsLast(long name, long n, long c, long h, long w)
    {
        nint tensor = backend.Create(CudnnBackend.TensorOf);
        backend.Set(tensor, TensorType, CudnnBackend.DataType, Cudnn.Bf16);
        backend.Set(tensor, TensorExtents, CudnnBackend.Int64, n, c, h, w);
        backend.Set(tensor, TensorStrides, CudnnBackend.Int64, h * w * c, 1L, w * c, c);
        backend.Set(tensor, TensorName, CudnnBackend.Int64, name);
        backend.Set(tensor, TensorAlignment, CudnnBackend.Int64, (long)Alignment);
        backend.Finish(tensor, "tensor");
        return tensor;
    }
}
