using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>The peers that a run is set beside: --peer native, pytorch, pytorch-compile, and CSV files.</summary>
internal sealed class PeerChoice
{
    private const string Native = "native", Eager = "pytorch", Compiled = "pytorch-compile";
    private readonly PeerTimes files;
    private readonly PyTorchPeer? pytorch;
    private readonly bool native;

    /// <exception cref="UsageException">A file is not there or no table, or there is no PyTorch.</exception>
    public PeerChoice(string[] chosen)
    {
        native = chosen.Contains(Native);
        files = new PeerTimes(chosen.Except([Native, Eager, Compiled]));
        if (chosen.Contains(Eager) || chosen.Contains(Compiled))
            pytorch = new PyTorchPeer(chosen.Contains(Compiled) ? ["eager", "compile", "graphs"] : ["eager"]);
    }

    /// <summary>What went wrong with a peer; null if nothing did. Our own rows stand all the same.</summary>
    public string? Fault { get; private set; }

    /// <summary>The vendor's libraries, if they are wanted and the device is an NVIDIA GPU.</summary>
    public NativePeers? OpenNative(ComputeDevice device, KernelBench bench) => native ? NativePeers.Open(device, bench) : null;

    /// <summary>Our rows with the fastest peer's time beside each, every peer's rows behind ours.</summary>
    public BenchmarkRow[] Beside(IReadOnlyList<SuiteCase> cases, BenchmarkRow[] ours, IReadOnlyList<BenchmarkRow> natives, ComputeDevice device)
    {
        List<BenchmarkRow> theirs = [.. natives];
        try
        {
            theirs.AddRange(pytorch?.Run(cases, device.Description) ?? []);
        }
        catch (PeerFailedException e)
        {
            Fault = e.Message;
        }

        return FastestPeer.Beside(ours.Select(files.Beside), theirs);
    }
}
