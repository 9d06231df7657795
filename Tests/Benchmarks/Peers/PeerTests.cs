using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Peers;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Peers are found, run and set beside our rows; a peer's failure loses none of our rows.</summary>
public sealed class PeerTests : IDisposable
{
    private const string Libraries = "TRIGFLOW_CUDA_LIBRARIES", Python = "PYTHON";
    private readonly TemporaryFolder folder = new();
    private readonly string? libraries = Environment.GetEnvironmentVariable(Libraries), python = Environment.GetEnvironmentVariable(Python);

    [Fact]
    public void A_library_is_looked_for_where_the_user_says_first_and_the_newest_version_first()
    {
        string second = Path.Combine(folder.Path, "second"), first = Path.Combine(folder.Path, "first");
        foreach (string file in new[] { Path.Combine(second, "libx.so.13"), Path.Combine(first, "libx.so.12"), Path.Combine(second, "libx.so.12") })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, "");
        }

        Environment.SetEnvironmentVariable(Libraries, $"{first}{Path.PathSeparator}{second}");
        Assert.Equal(
            [Path.Combine(first, "libx.so.12"), Path.Combine(second, "libx.so.13"), Path.Combine(second, "libx.so.12")], VendorLibrary.Candidates(["libx.so.13", "libx.so.12"]));
        Assert.Null(VendorLibrary.Load(["libx.so.13"])); // found, but no library
    }

    [Fact]
    public void The_fastest_peer_stands_beside_our_row_and_all_of_them_behind()
    {
        SuiteCase[] cases = [.. BenchmarkSuite.Named("gemm/7x8x9", DType.Float32)];
        BenchmarkRow[] ours = [.. cases.Select(each => new BenchmarkRow { Op = each.Family, Direction = each.Direction, Shape = each.Shape, Path = "wgmma", Microseconds = 10, Verdict = "ok" })];
        BenchmarkRow Peer(string direction, string name, double? time, string verdict = "ok") =>
            new() { Op = "gemm", Direction = direction, Shape = "7x8x9", Path = name, Microseconds = time, Verdict = verdict };
        BenchmarkRow otherType = Peer("input-gradient", "bf16", 1) with { Type = "bf16" };
        BenchmarkRow[] rows = new PeerChoice([]).Beside(
            cases, ours, [Peer("forward", "slow", 30), Peer("forward", "fast", 20), Peer("forward", "wrong", null, "WRONG"), Peer("input-gradient", "slow", 5), otherType], TestDevices.Get("cpu"));
        Assert.Equal(["fast 2", "slow 0.5", " "], rows.Take(3).Select(row => $"{row.Peer} {row.Ratio}"));
        Assert.Equal(["slow", "fast", "wrong", "slow", "bf16"], rows.Skip(3).Select(row => row.Path));
        Assert.All(rows.Skip(3), row => Assert.False(row.IsOurs));
    }

    [Fact]
    public void Scripts_of_PyTorch_give_rows()
    {
        WritePython("""
            case "$1" in
            -c) echo 2.11.0 ;;
            *kernels_pytorch.py) head -1 "$2" >&2; echo op,direction,shape,us,tflops; tail -n +2 "$2" | while IFS=, read -r op direction shape rest; do echo "$op,$direction,$shape,12.5,1"; done ;;
            *step_pytorch.py)
                echo work,variant,batch,ms,images_per_second,peak_gib,ready_s,sustained_ms,sustained_images_per_second,sustained_sm_mhz,sustained_watts,joules_per_image,note
                case "$3" in none) echo "sample 2-step,pytorch-eager,$5,,,,,,,,,,out of memory" ;; sct) echo "step $3,pytorch-eager,$5,200,1280,13.5,20,${11}0,1100,1600.5,699,${9},"; esac ;;
            esac
            """);
        SuiteCase[] cases = [.. new[] { "gemm/forward/7x8x9", "step/sct/cifar10 n256", "step/trigflow/cifar10 n256", "sample/2-step/cifar10 n8", "sample/2-step/demo n8", "launch/graph/10 kernels" }
            .SelectMany(name => BenchmarkSuite.Named(name, DType.Float32))];
        BenchmarkRow[] rows = [.. new PyTorchPeer(["eager"]).Run(cases, "card", new SustainOptions(WarmSeconds: 0.5, Seconds: 25))];
        Assert.Equal(
            ["gemm/forward/7x8x9 by pytorch 2.11.0: 12.5 us", "step/sct/cifar10 n256 by pytorch 2.11.0 eager: 200000 us", "sample/2-step/cifar10 n8 by pytorch 2.11.0 eager:  us"],
            rows.Select(row => $"{row.Name} by {row.Path}: {row.Microseconds} us"));
        Assert.Equal((250e3, 1100.0, 1600.5, 699.0, 0.5), (rows[1].SustainedMicroseconds, rows[1].SustainedImagesPerSecond, rows[1].SustainedMegahertz, rows[1].SustainedWatts, rows[1].JoulesPerImage));
        Assert.Equal((BenchmarkRow.Failed, "out of memory"), (rows[2].Verdict, rows[2].Note));
        Assert.Equal((1280.0, 13.5, "first run ended 20 s after the start"), (rows[1].ImagesPerSecond, rows[1].PeakGib, rows[1].Note));
    }

    [Fact]
    public void A_script_is_chosen_by_the_network()
    {
        var network = new Edm2Config { Resolution = 64, ImageChannels = 3, LabelCount = 1000, ModelChannels = 192, ChannelMult = [1, 2, 3, 4], BlocksPerLevel = 3, AttentionResolutions = [16, 8] };
        PyTorchScript script = PyTorchScript.Of(network)!;
        Assert.Equal(("edm2_step_pytorch.py", "--config", network.ToJson(), true), (script.File, script.Arguments[0], script.Arguments[1], script.TakesMicroBatches));
        Assert.Equal(["sct", "scd", "scd-guided"], script.Objectives);
        Assert.Null(PyTorchScript.Of(network with { Modulation = Edm2Modulation.Edm2 }));
        Assert.Null(PyTorchScript.Of("demo"));
        Assert.Equal(("step_pytorch.py", false), (PyTorchScript.Of("cifar10")!.File, PyTorchScript.Of("cifar10")!.TakesMicroBatches));
        string folder = Path.Combine(AppContext.BaseDirectory, "Peers", "PyTorch");
        Assert.All((string[])[script.File, "step_pytorch.py", "measure_pytorch.py", "edm2_unet_pytorch.py"], file => Assert.True(File.Exists(Path.Combine(folder, file)), file));
    }

    [Fact]
    public void A_script_that_fails_costs_none_of_our_rows()
    {
        WritePython("[ \"$1\" = -c ] && echo 2.11.0 && exit 0; echo out of memory >&2; exit 1");
        SuiteCase[] cases = [.. BenchmarkSuite.Named("gemm/forward/7x8x9", DType.Float32)];
        var peers = new PeerChoice(["pytorch"]);
        BenchmarkRow ours = new() { Op = "gemm", Direction = "forward", Shape = "7x8x9", Microseconds = 10 };
        Assert.Equal(ours, Assert.Single(peers.Beside(cases, [ours], [], TestDevices.Get("cpu"))));
        Assert.Contains("out of memory", peers.Fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("echo 'AssertionError: PyTorch sees no GPU' >&2; exit 1", "sees no GPU")]
    [InlineData("echo 'Traceback' >&2; echo \"ModuleNotFoundError: No module named 'torch'\" >&2; exit 1", "No module named 'torch'")]
    public void Without_PyTorch_there_is_one_clear_line(string script, string reason)
    {
        WritePython(script);
        string message = Assert.Throws<UsageException>(() => new PeerChoice(["pytorch"])).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Environment.SetEnvironmentVariable(Python, Path.Combine(folder.Path, "no-python"));
        Assert.Contains("no-python", Assert.Throws<UsageException>(() => new PeerChoice(["pytorch"])).Message, StringComparison.Ordinal);
    }

    /// <summary>The operands and sums that a peer's result is checked with are those of our own row.</summary>
    [Theory]
    [InlineData("forward")]
    [InlineData("input-gradient")]
    [InlineData("weight-gradient")]
    public void A_peers_result_is_checked_against_the_same_sums(string direction)
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        var product = ProductCase.Conv(2, 5, 4, 8, 3, DType.Float32, direction);
        using ProductOperands operands = product.Operands(cpu);
        using Tensor result = Compute(product, operands);
        Assert.Equal(product.Result, result.Shape);
        Assert.InRange(product.Error(operands, result), 0, 1e-5);
        result.Span[0] += 1;
        Assert.InRange(product.Error(operands, result), 1e-3, 1);
    }

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Libraries, libraries);
        Environment.SetEnvironmentVariable(Python, python);
        folder.Dispose();
    }

    private static Tensor Compute(ProductCase product, ProductOperands operands)
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        (Tensor x, Tensor weight) = (operands.Input.Tensor, operands.Weight.Tensor);
        var tape = operands.Cotangent is null ? null : new Tape();
        using var program = new ComputeProgram(cpu) { Tape = tape };
        Tensor result = cpu.CreateTensor(product.Result), other = cpu.CreateTensor(product.Direction == "input-gradient" ? weight.Shape : x.Shape);
        tape?.Watch(x, product.Direction == "input-gradient" ? result : other);
        tape?.Watch(weight, product.Direction == "input-gradient" ? other : result);
        Tensor y = Conv2d.Apply(program, x, weight);
        if (tape is null)
        {
            Cast.Into(program, y, result);
        }
        else
        {
            tape.Seed(y, operands.Cotangent!.Tensor);
            tape.Backward();
        }

        program.Run();
        other.Dispose();
        return result;
    }

    private void WritePython(string script)
    {
        string path = Path.Combine(folder.Path, "python3");
        File.WriteAllText(path, "#!/bin/sh\n" + script + "\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Environment.SetEnvironmentVariable(Python, path);
    }
}
