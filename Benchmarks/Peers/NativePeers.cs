using System.Diagnostics.CodeAnalysis;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>The vendor's libraries that are installed: their rows by the same clock, on the same operands, checked against the same sums.</summary>
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

    /// <summary>Libraries with their versions, for a line at the start; or that there are none.</summary>
    public string Description => peers.Length > 0 ? string.Join(", ", peers.Select(peer => peer.Name)) : "no library of the vendor's found";

    /// <summary>The libraries on the device of a bench; none of them anywhere but on an NVIDIA GPU.</summary>
    public static NativePeers? Open(ComputeDevice device, KernelBench bench) => device is not GpuDevice { IsCuda: true } gpu ? null
        : new NativePeers(gpu, bench, [.. new INativePeer?[] { CublasLt.Open(gpu), Cudnn.Open(gpu) }.OfType<INativePeer>()]);

    /// <summary>Rows of every library that does a case.</summary>
    public IEnumerable<BenchmarkRow> Run(KernelCase each) =>
        each is ProductCase product ? peers.Where(peer => peer.Does(product)).Select(peer => Run(peer, product)) : [];

    public void Dispose()
    {
        foreach (INativePeer peer in peers)
            peer.Dispose();
        workspace.Dispose();
    }

    [SuppressMessage("Design", "CA1031", Justification = "A library that cannot do a case is a row that says so; the others go on.")]
    private BenchmarkRow Run(INativePeer peer, ProductCase product)
    {
        var row = BenchmarkRow.Of(product, gpu, peer.Name);
        try
        {
            using ProductOperands operands = product.Operands(gpu);
            using Tensor result = gpu.CreateTensor(product.Result, peer.ResultOf(product));
            CudaDriver.Check(CudaDriver.Fill32((nint)result.Address, uint.MaxValue, (nuint)(result.ByteCount / sizeof(uint)), gpu.StreamHandle), "cuMemsetD32Async"); // NaN until it is written
            Action[] ways = [.. peer.Ways(product, operands, result, workspace)];
            if (ways.Length == 0)
                return row with { Verdict = BenchmarkRow.Failed, Note = "the library proposes no algorithm" };
            Action fastest = Fastest(ways);
            fastest();
            gpu.Synchronize();
            double error = product.Error(operands, result);
            row = row with { Error = error, Verdict = error <= product.Tolerance ? BenchmarkRow.Right : BenchmarkRow.Wrong, Note = $"best of {ways.Length} algorithms" };
            return row.Verdict == BenchmarkRow.Right ? bench.Time(row, fastest) : row;
        }
        catch (Exception e)
        {
            return row with { Verdict = BenchmarkRow.Failed, Note = e.Message.ReplaceLineEndings(" ") };
        }
    }

    private Action Fastest(Action[] ways)
    {
        using var timer = new CudaTimer(gpu.DriverStream);
        return ways.MinBy(way =>
        {
            try
            {
                way();
                timer.Start();
                for (int i = 0; i < Trials; i++)
                    way();
                timer.Stop();
                return timer.Seconds();
            }
            catch (InvalidOperationException)
            {
                return double.PositiveInfinity; // proposed, and then refused
            }
        })!;
    }
}
