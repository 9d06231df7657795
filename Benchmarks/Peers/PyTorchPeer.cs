using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// PyTorch's time for the same cases, measured by the scripts beside the program: ops through cuBLAS, cuDNN and SDPA, attention with its tangent
/// by forward-mode autodiff of plain attention, training steps and sampling eagerly or compiled.
/// </summary>
/// <param name="variants">Any of eager, compile (which takes minutes) and graphs.</param>
internal sealed class PyTorchPeer(string[] variants)
{
    private const string Network = "cifar10"; // the preset whose network the scripts have

    /// <summary>Families that the scripts run in fp32; the others run in bf16.</summary>
    private static readonly string[] Fp32Families = ["optimizer", "copy"];

    private static readonly string Scripts = Path.Combine(AppContext.BaseDirectory, "Peers", "PyTorch");

    private static string Python => Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } chosen ? chosen : "python3";

    /// <summary>The version of PyTorch.</summary>
    /// <exception cref="UsageException">Python or PyTorch is not installed, or PyTorch sees no GPU.</exception>
    public string Version { get; } = FindVersion();

    /// <summary>Runs the scripts; returns a row for every case that they support.</summary>
    /// <exception cref="PeerFailedException">A script ended with an error.</exception>
    public IReadOnlyList<BenchmarkRow> Run(IReadOnlyList<SuiteCase> cases, string device)
    {
        List<BenchmarkRow> rows = [.. RunKernels([.. cases.OfType<KernelCase>()])];
        StepCase[] steps = [.. cases.OfType<StepCase>()];
        SampleCase[] samples = [.. cases.OfType<SampleCase>().Where(each => each.Direction == "2-step")];
        foreach (IGrouping<(string Direction, string Shape), StepCase> step in steps.Where(IsKnown).GroupBy(each => (each.Direction, each.Shape)))
            rows.AddRange(RunWork(["--objective", step.Key.Direction, "--batch", $"{step.First().Images}"]));
        string[] counts = [.. samples.Where(IsKnown).Select(each => $"{each.Images}").Distinct()];
        if (counts.Length > 0)
            rows.AddRange(RunWork(["--objective", "none", "--sample", .. counts]));
        return [.. rows.Select(row => row with { Device = device, Verdict = BenchmarkRow.Right, Type = Fp32Families.Contains(row.Op) ? "fp32" : "bf16" })];
    }

    private static bool IsKnown(SuiteCase each) => each.Shape.StartsWith(Network + " ", StringComparison.Ordinal);

    private IEnumerable<BenchmarkRow> RunKernels(KernelCase[] cases)
    {
        if (cases.Length == 0)
            return [];
        string shapes = Path.GetTempFileName();
        try
        {
            CsvTable.Write(shapes, cases.Select(each => new CaseRow { Op = each.Family, Direction = each.Direction, Shape = each.Shape }));
            return [.. Table<CaseRow>("kernels_pytorch.py", [shapes]).Select(row => new BenchmarkRow
            {
                Op = row.Op,
                Direction = row.Direction,
                Shape = row.Shape,
                Path = $"pytorch {Version}",
                Clock = "events",
                Microseconds = row.Microseconds,
            })];
        }
        finally
        {
            File.Delete(shapes);
        }
    }

    private IEnumerable<BenchmarkRow> RunWork(string[] arguments) =>
        Table<PyTorchWork>("step_pytorch.py", [.. arguments, "--variants", .. variants]).Select(row => new BenchmarkRow
        {
            Op = row.Work.Split(' ')[0],
            Direction = row.Work.Split(' ') is [_, var kind] ? kind : "2-step",
            Shape = $"{Network} n{row.Batch}",
            Path = $"pytorch {Version} {row.Variant.Replace("pytorch-", "", StringComparison.Ordinal)}",
            Clock = "host",
            Microseconds = 1e3 * row.Milliseconds,
            ImagesPerSecond = row.ImagesPerSecond,
            PeakGib = row.PeakGib,
            Note = row.ReadySeconds is { } ready ? string.Create(CultureInfo.InvariantCulture, $"first run ended {ready:F0} s after the start") : "",
        });

    private static IReadOnlyList<T> Table<T>(string script, string[] arguments)
    {
        (int code, string printed, string errors) = Start([Path.Combine(Scripts, script), .. arguments]);
        if (code != 0)
            throw new PeerFailedException($"{script} ended with {code}: {string.Join(' ', errors.Trim().Split('\n').TakeLast(3)).Trim()}");
        string table = Path.GetTempFileName();
        try
        {
            File.WriteAllText(table, printed);
            return CsvTable.Read<T>(table);
        }
        finally
        {
            File.Delete(table);
        }
    }

    private static string FindVersion()
    {
        (int code, string printed, string errors) = Start(["-c", "import torch; assert torch.cuda.is_available(), 'PyTorch sees no GPU'; print(torch.__version__)"]);
        return code == 0 ? printed.Trim() : throw new UsageException($"--peer pytorch: {Python}: {errors.Trim().Split('\n')[^1].Trim()}");
    }

    private static (int Code, string Printed, string Errors) Start(string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string printed = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, printed, errors.Result);
        }
        catch (Win32Exception e)
        {
            throw new UsageException($"--peer pytorch: {Python}: {e.Message}");
        }
    }
}

/// <summary>A peer's script ended with an error.</summary>
internal sealed class PeerFailedException(string message) : Exception(message);
