using System.Diagnostics;
using TrigFlowNative.Benchmarks.Processes;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>A whole process that does one training step, from its start to its end: cold, without compiled kernels in the caches, or warm.</summary>
internal sealed class StartupCase(string preset, int batch, DType type, string direction) : WorkCase("startup", direction, $"{preset} n{batch}", type)
{
    /// <summary>The verb of this program that such a process runs.</summary>
    public const string Verb = "first-step";

    private const string Cold = "cold", Warm = "warm";

    public static readonly CaseFamily Kind = new(
        "startup", "PRESET n BATCH, without the last blank: cifar10 n256", @"(?<preset>[\w-]+) n(?<n>\d+)", [Cold, Warm],
        (s, direction, type) => new StartupCase(StepCase.RequireModel(s.Word("preset")), s["n"], type, direction))
    {
        Shapes = scope => scope.Extent == SuiteExtent.Full && SuitePresets.IsModel(scope.Preset) ? [$"{scope.Preset} n{scope.Batch}"] : [],
    };

    internal override WorkPace Pace => WorkPace.Rare;

    public override PreparedWork Prepare(ComputeDevice device)
    {
        var prepared = new Prepared([Verb, "--preset", preset, "--batch", $"{batch}", "--device", device.Name, "--precision", Type == DType.BFloat16 ? "bf16" : "fp32"], Direction == Cold);
        if (Direction == Warm)
            prepared.Run(0);
        return prepared;
    }

    private sealed class Prepared(string[] arguments, bool cold) : PreparedWork
    {
        private readonly DirectoryInfo cache = Directory.CreateTempSubdirectory("trigflow-startup-");
        private int code;

        public override void Run(int run)
        {
            string folder = Path.Combine(cache.FullName, cold ? $"{run}" : "shared");
            ProcessStartInfo start = ChildProgram.Benchmarks.Start(arguments);
            start.Environment["TRIGFLOW_CACHE"] = Path.Combine(folder, "own");
            start.Environment["CUDA_CACHE_PATH"] = Path.Combine(folder, "driver");
            using Process process = Process.Start(start)!;
            process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            code = Math.Max(code, process.ExitCode);
        }

        public override string? Fault() => code == 0 ? null : $"a process ended with {code}";

        protected override void Dispose(bool disposing) => cache.Delete(recursive: true);
    }
}
