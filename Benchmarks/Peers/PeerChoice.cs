using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>The peers of a run: native, pytorch, pytorch-compile and CSV files, as <c>--peer</c> names them.</summary>
internal sealed class PeerChoice
{
    private const string Native = "native", Eager = "pytorch", Compiled = "pytorch-compile";
    private readonly PeerTimes files;
    private readonly PyTorchPeer? pytorch;
    private readonly bool native;

    /// <summary>Opens the chosen peers.</summary>
    /// <exception cref="UsageException">A file is missing or is not a table, or PyTorch is not installed.</exception>
    public PeerChoice(string[] chosen)
    {
        native = chosen.Contains(Native);
        files = new PeerTimes(chosen.Except([Native, Eager, Compiled]));
        if (chosen.Contains(Eager) || chosen.Contains(Compiled))
            pytorch = new PyTorchPeer(chosen.Contains(Compiled) ? ["eager", "compile", "graphs"] : ["eager"]);
    }

    /// <summary>How long PyTorch's works are timed under sustained load; null for not at all.</summary>
    public SustainOptions? Sustain { get; init; }

    /// <summary>Reason for which a peer failed; null if none did. Our own rows are complete even then.</summary>
    public string? Fault { get; private set; }

    /// <summary>The vendor's libraries, if they were chosen and the device is an NVIDIA GPU; else null.</summary>
    public NativePeers? OpenNative(ComputeDevice device, KernelBench bench) => native ? NativePeers.Open(device, bench) : null;

    /// <summary>Our rows, each with its fastest peer, and then the peers' rows.</summary>
    public BenchmarkRow[] Beside(IReadOnlyList<SuiteCase> cases, BenchmarkRow[] ours, IReadOnlyList<BenchmarkRow> natives, ComputeDevice device)
    {
        List<BenchmarkRow> theirs = [.. natives];
        try
        {
            theirs.AddRange(pytorch?.Run(cases, device.Description, Sustain) ?? []);
        }
        catch (PeerFailedException e)
        {
            Fault = e.Message;
        }

        return FastestPeer.Beside(ours.Select(files.Beside), theirs);
    }
}
