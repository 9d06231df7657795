using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>The vendor's libraries that are installed. Their rows are measured with our clock and operands, and checked against the same float64 sums.</summary>
internal sealed class NativePeers : IDisposable
{
    private const long WorkspaceBytes = 512L << 20;
    private const int Trials = 3;
    private readonly GpuDevice gpu;
    private readonly KernelBench bench;
    private readonly Tensor workspace;
    private readonly INativePeer[] peers;

    private NativePeers(GpuDevice gpu, KernelBench bench, INativePeer[] peers)
    {
        (this.gpu, this.bench, this.peers) = (gpu, bench, peers);
        workspace = gpu.CreateTensor(new Shape((int)(WorkspaceBytes / sizeof(float))));
    }

    /// <summary>The libraries with their versions, or a line that none is installed.</summary>
    public string Description => peers.Length > 0 ? string.Join(", ", peers.Select(peer => peer.Name)) : "no vendor library was found";

    /// <summary>Opens the libraries for the device of a bench; null unless it is an NVIDIA GPU.</summary>
    public static NativePeers? Open(ComputeDevice device, KernelBench bench) => device is not GpuDevice { IsCuda: true } gpu ? null
        : new NativePeers(gpu, bench, [.. new INativePeer?[] { CublasLt.Open(gpu), Cudnn.Open(gpu) }.OfType<INativePeer>()]);

    /// <summary>The rows of the libraries that support a case.</summary>
    public IEnumerable<BenchmarkRow> Run(KernelCase each) =>
        each is ProductCase product ? peers.Where(peer => peer.Supports(product)).Select(peer => Run(peer, product)) : [];

    public void Dispose()
    {
        foreach (INativePeer peer in peers)
            peer.Dispose();
        workspace.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "A library that fails becomes a row that says so, and the others go on.")]
    private BenchmarkRow Run(INativePeer peer, ProductCase product)
    {
        var row = BenchmarkRow.Of(product, gpu, peer.Name);
        try
        {
            using ProductOperands operands = product.Operands(gpu);
            using Tensor result = gpu.CreateTensor(product.Result, peer.ResultType(product));
            CudaDriver.Check(CudaDriver.Fill32((nint)result.Address, uint.MaxValue, (nuint)(result.ByteCount / sizeof(uint)), gpu.StreamHandle), "cuMemsetD32Async"); // NaN until it is written
            Action[] algorithms = [.. peer.Algorithms(product, operands, result, workspace)];
            if (algorithms.Length == 0)
                return row with { Verdict = BenchmarkRow.Failed, Note = "the library proposes no algorithm" };
            Action fastest = Fastest(algorithms);
            fastest();
            gpu.Synchronize();
            double error = product.Error(operands, result);
            row = row with { Error = error, Verdict = error <= product.Tolerance ? BenchmarkRow.Right : BenchmarkRow.Wrong, Note = $"best of {algorithms.Length} algorithms" };
            return row.Verdict == BenchmarkRow.Right ? bench.Time(row, fastest) : row;
        }
        catch (Exception e)
        {
            return row with { Verdict = BenchmarkRow.Failed, Note = e.Message.ReplaceLineEndings(" ") };
        }
    }

    private Action Fastest(Action[] algorithms)
    {
        using var timer = new CudaTimer(gpu.DriverStream);
        return algorithms.MinBy(launch =>
        {
            try
            {
                launch();
                timer.Start();
                for (int i = 0; i < Trials; i++)
                    launch();
                timer.Stop();
                return timer.Seconds();
            }
            catch (InvalidOperationException)
            {
                return double.PositiveInfinity; // the library proposed the algorithm, but now refuses it
            }
        })!;
    }
}
