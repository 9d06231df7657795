using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Cli;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The references agree with the kernels on every device, and a wrong result is reported as wrong.</summary>
public class KernelBenchTests
{
    private static readonly Ceilings Ceilings = new(1e12, 1e12);

    public static IEnumerable<TheoryDataRow<string, string>> Cases =>
        TestDevices.Cross(["cpu", "simulator", "cuda"], Tiny(DType.Float32).Select(each => each.Name));

    /// <summary>The portable kernels on the simulator; on a GPU whatever instructions it has.</summary>
    public static IEnumerable<TheoryDataRow<string, string>> Bf16Cases =>
        TestDevices.Cross(["simulator", "cuda"], Tiny(DType.BFloat16).Select(each => each.Name));

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_right_kernel_is_timed(string device, string name) => RequireRight(device, name, DType.Float32);

    [Theory]
    [MemberData(nameof(Bf16Cases))]
    public void A_right_bf16_kernel_is_timed(string device, string name) => RequireRight(device, name, DType.BFloat16);

    [Theory]
    [InlineData(0.5, true)]
    [InlineData(2.0, false)]
    [InlineData(double.NaN, false)]
    public void A_wrong_result_is_not_timed(double error, bool right)
    {
        using ComputeDevice cpu = new CpuDevice();
        using DeviceClock clock = DeviceClock.Of(cpu);
        BenchmarkRow row = new KernelBench(cpu, clock, Ceilings).Run(new Planted(() => error));
        Assert.Equal(right ? BenchmarkRow.Right : BenchmarkRow.Wrong, row.Verdict);
        Assert.Equal(right, row.Microseconds is not null);
        Assert.Equal(right ? 0 : 1, RunCommand.ExitCode([row]));
    }

    [Fact]
    public void A_kernel_that_throws_is_a_row_that_says_why()
    {
        using ComputeDevice cpu = new CpuDevice();
        using DeviceClock clock = DeviceClock.Of(cpu);
        BenchmarkRow row = new KernelBench(cpu, clock, Ceilings).Run(new Planted(() => throw new InvalidOperationException("no such\nkernel")));
        Assert.Equal((BenchmarkRow.Failed, "no such kernel"), (row.Verdict, row.Note));
        Assert.Equal(1, RunCommand.ExitCode([row]));
    }

    [Fact]
    public void An_output_that_is_not_written_is_wrong()
    {
        using ComputeDevice cpu = new CpuDevice();
        using DeviceClock clock = DeviceClock.Of(cpu);
        Assert.Equal(BenchmarkRow.Wrong, new KernelBench(cpu, clock, Ceilings).Run(new Forgetful()).Verdict);
    }

    private static IEnumerable<KernelCase> Tiny(DType type) =>
        BenchmarkSuite.Cases(new SuiteScope(SuitePresets.Standard, 1, type, SuiteExtent.Tiny)).OfType<KernelCase>();

    private static void RequireRight(string device, string name, DType type)
    {
        ComputeDevice opened = TestDevices.Get(device);
        using DeviceClock clock = DeviceClock.Of(opened);
        BenchmarkRow row = new KernelBench(opened, clock, Ceilings).Run(Tiny(type).Single(each => each.Name == name));
        Assert.True(row.Verdict == BenchmarkRow.Right, $"{row}");
        Assert.True(row is { Microseconds: > 0, Repetitions: >= 3, BoundPercent: > 0 } && row.Low <= row.Microseconds && row.Microseconds <= row.High, $"{row}");
    }

    /// <summary>A copy whose check returns a given error.</summary>
    private sealed class Planted(Func<double> error) : KernelCase("planted", "forward", "1", DType.Float32)
    {
        public override double Flops => 1;

        public override double Bytes => 1;

        public override double Tolerance => 1;

        public override RecordedKernel Record(ComputeDevice device)
        {
            var operand = new Operand(device, new Shape(64), DType.Float32, 1);
            var program = new ComputeProgram(device) { Checked = true };
            Tensor y = TrigFlowNative.Kernels.Copy.Join(program, operand.Tensor, null);
            return new RecordedKernel(program, 0, [y], error, operand);
        }
    }

    /// <summary>A step that declares an output and leaves half of it as it was.</summary>
    private sealed class Forgetful() : KernelCase("forgetful", "forward", "64", DType.Float32)
    {
        public override double Flops => 1;

        public override double Bytes => 1;

        public override RecordedKernel Record(ComputeDevice device)
        {
            var program = new ComputeProgram(device) { Checked = true };
            Tensor y = program.Allocate(new Shape(64));
            program.Emit("forgetful", [], [y], _ => y.Span[..32].Fill(1), _ => throw new NotSupportedException());
            return new RecordedKernel(program, 0, [y], () => new SampledError().Add(y, SampledError.Places(64, 64), _ => 1).Relative);
        }
    }
}
