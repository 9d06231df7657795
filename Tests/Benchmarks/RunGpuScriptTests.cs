using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The script that runs everything on a card, with a program instead of ours that records its arguments.</summary>
public sealed class RunGpuScriptTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Each_part_asks_the_program_for_its_own()
    {
        (int code, string printed) = Run("kernels", "mma", "works", "timeline", "compiled", "growth", "training");
        Assert.True(code == 0, printed);
        string device = "--device cuda --precision bf16", where = $"{device} --batch 8", output = Out, presets = "--preset standard cifar10 edm2-s odd";
        Assert.Equal(
        [
            $"run {where} {presets} --filter gemm/* conv/* attention/* *norm/* optimizer/* copy/* --peer native pytorch --out {output}",
            $"run {where} {presets} --tensor-cores mma --filter gemm/* conv/* --peer {output}/wgmma.csv --out {output}/mma",
            $"run {where} --preset standard cifar10 --filter step/* sample/* startup/* launch/* feed/* --peer pytorch --warm-seconds 5 --out {output}/works",
            $"trace {where} --preset cifar10 --out {output}",
            $"trace --work sample --count 1 {where} --preset cifar10 --out {output}",
            $"run {where} --preset cifar10 --filter step/sct/* step/scd* sample/2-step/*n512 sample/2-step/*n64 sample/2-step/*n1 --peer pytorch-compile --warm-seconds 5 --out {output}/compiled",
            $"growth {device} --preset cifar10 --work step/scd --batches 16 32 64 128 256 512 --warm-seconds 5 --out {output}/growth",
            $"growth {device} --preset cifar10 --work step/scd --sizes s m --batches 8 --warm-seconds 5 --out {output}/growth-sizes",
            $"training {where} --preset cifar10 --objective scd --data a folder --warm-seconds 5 --out {output}/training",
        ],
        File.ReadAllLines(Path.Combine(folder.Path, "asked")).Select(line => line.TrimEnd('|').Replace('|', ' ')));
        Assert.All(File.ReadAllLines(Path.Combine(folder.Path, "asked")), line => Assert.DoesNotContain(' ', line.Replace("a folder", "", StringComparison.Ordinal))); // each word an argument of its own
        Assert.Equal("op,direction,shape,dtype,x,path\ngemm,forward,8x8x8,bf16,,wgmma\n", File.ReadAllText(Path.Combine(Out, "wgmma.csv"))); // ours without the peers'
    }

    [Fact]
    public void A_part_that_fails_fails_the_script_and_the_others_go_on()
    {
        (int code, string printed) = Run("fails", "timeline");
        Assert.Equal((2, "unknown part fails"), (code, printed.Trim()));
        Environment.SetEnvironmentVariable("FAKE_CODE", "1");
        try
        {
            Assert.Equal(1, Run("works", "timeline").Code);
        }
        finally
        {
            Environment.SetEnvironmentVariable("FAKE_CODE", null);
        }

        Assert.Equal(3, File.ReadAllLines(Path.Combine(folder.Path, "asked")).Length);
    }

    public void Dispose() => folder.Dispose();

    private string Out => Path.Combine(folder.Path, "out");

    private (int Code, string Printed) Run(params string[] parts)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the script is for bash");
        string program = Path.Combine(folder.Path, "TrigFlowNative.Benchmarks"), python = Path.Combine(folder.Path, "python3");
        File.WriteAllText(program, $"""
            #!/bin/sh
            {"{"} printf '%s|' "$@"; echo; {"}"} >>{folder.Path}/asked
            printf 'op,direction,shape,dtype,x,path\ngemm,forward,8x8x8,bf16,,wgmma\ngemm,forward,8x8x8,bf16,,cublasLt 13\n' >{Out}/benchmarks.csv
            exit ${"{"}FAKE_CODE:-0{"}"}
            """);
        File.WriteAllText(python, "#!/bin/sh\nexit 0\n");
        foreach (string file in new[] { program, python })
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var start = new ProcessStartInfo("bash", [Script(), Out, folder.Path, .. parts]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PYTHON"] = python;
        start.Environment["BATCH"] = "8";
        start.Environment["OBJECTIVE"] = "scd";
        start.Environment["SIZES"] = "s m";
        start.Environment["DATA"] = "a folder";
        start.Environment["SUSTAIN"] = "--warm-seconds 5";
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, printed + errors.Result);
    }

    private static string Script([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(here, "..", "..", "..", "Benchmarks", "run-gpu.sh"));
}
