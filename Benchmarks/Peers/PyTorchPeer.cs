using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>
/// PyTorch's time for the same cases, measured by the scripts beside the program: ops through cuBLAS, cuDNN and SDPA, attention with its tangent
/// by forward-mode autodiff of plain attention, training steps and sampling eagerly or compiled.
/// </summary>
/// <param name="variants">Any of eager, compile (which takes minutes) and graphs.</param>
internal sealed class PyTorchPeer(string[] variants)
{
    private const string TwoSteps = "2-step";

    /// <summary>Families that the scripts run in fp32; the others run in bf16.</summary>
    private static readonly string[] Fp32Families = ["optimizer", "copy"];

    private static readonly string Scripts = Path.Combine(AppContext.BaseDirectory, "Peers", "PyTorch");

    private static string Python => Environment.GetEnvironmentVariable("PYTHON") is { Length: > 0 } chosen ? chosen : "python3";

    /// <summary>The version of PyTorch.</summary>
    /// <exception cref="UsageException">Python or PyTorch is not installed, or PyTorch sees no GPU.</exception>
    public string Version { get; } = FindVersion();

    /// <summary>Runs the scripts; returns a row for every case that they support.</summary>
    /// <param name="cases">The cases.</param>
    /// <param name="device">The card's description.</param>
    /// <param name="sustain">How long works are timed under sustained load; null for not at all.</param>
    /// <exception cref="PeerFailedException">A script ended with an error.</exception>
    public IReadOnlyList<BenchmarkRow> Run(IReadOnlyList<SuiteCase> cases, string device, SustainOptions? sustain = null)
    {
        List<BenchmarkRow> rows = [.. RunKernels([.. cases.OfType<KernelCase>()])];
        foreach (StepCase step in cases.OfType<StepCase>().DistinctBy(each => each.Name))
            if (PyTorchScript.Of(step.Preset) is { } script && script.Objectives.Contains(step.Direction) && (step.MicroBatch == 0 || script.TakesMicroBatches))
                rows.AddRange(RunWork(script, step.Preset, step.Shape, ["--objective", step.Direction, "--batch", $"{step.Images}", .. MicroBatch(step)], sustain));
        foreach (IGrouping<string, SampleCase> samples in cases.OfType<SampleCase>().Where(each => each.Direction == TwoSteps).GroupBy(each => each.Preset))
            if (PyTorchScript.Of(samples.Key) is { } script)
                rows.AddRange(RunWork(script, samples.Key, null, ["--objective", "none", "--sample", .. samples.Select(each => $"{each.Images}").Distinct()], sustain));
        return [.. rows.Select(row => row with { Device = device, Verdict = row.Microseconds is null && row.Note.Length > 0 ? Reason(row.Note) : BenchmarkRow.Right, Type = Fp32Families.Contains(row.Op) ? "fp32" : "bf16" })];
    }

    /// <summary>The verdict on work that PyTorch could not do.</summary>
    private static string Reason(string note) => note.StartsWith("OutOfMemoryError", StringComparison.Ordinal) ? BenchmarkRow.OutOfMemory : BenchmarkRow.Failed;

    private static string[] MicroBatch(StepCase step) => step.MicroBatch > 0 ? ["--micro-batch", $"{step.MicroBatch}"] : [];

    /// <summary>The durations in a script's words; 0 s of timing are none.</summary>
    private static string[] Durations(SustainOptions? sustain) => ["--warm-seconds", Text(sustain?.WarmSeconds ?? 0), "--sustain-seconds", Text(sustain?.Seconds ?? 0)];

    private static string Text(double seconds) => seconds.ToString(CultureInfo.InvariantCulture);

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

    /// <summary>Runs a script for works of a preset; a sample's shape follows from its number of images.</summary>
    private IEnumerable<BenchmarkRow> RunWork(PyTorchScript script, string preset, string? shape, string[] arguments, SustainOptions? sustain) =>
        Table<PyTorchWork>(script.File, [.. script.Arguments, .. arguments, "--variants", .. variants, .. Durations(sustain)]).Select(row => new BenchmarkRow
        {
            Op = row.Work.Split(' ')[0],
            Direction = row.Work.Split(' ') is [_, var kind] ? kind : TwoSteps,
            Shape = shape ?? $"{preset} n{row.Batch}",
            Path = $"pytorch {Version} {row.Variant.Replace("pytorch-", "", StringComparison.Ordinal)}",
            Clock = "host",
            Microseconds = 1e3 * row.Milliseconds,
            ImagesPerSecond = row.ImagesPerSecond,
            PeakGib = row.PeakGib,
            SustainedMicroseconds = 1e3 * row.SustainedMilliseconds,
            SustainedImagesPerSecond = row.SustainedImagesPerSecond,
            SustainedMegahertz = row.SustainedMegahertz,
            SustainedWatts = row.SustainedWatts,
            JoulesPerImage = row.JoulesPerImage,
            Note = row.ReadySeconds is { } ready ? string.Create(CultureInfo.InvariantCulture, $"first run ended {ready:F0} s after the start") : row.Note,
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
