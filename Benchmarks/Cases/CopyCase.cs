using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="Copy"/> of fp32 numbers: the bandwidth of a kernel of this project that only moves memory.</summary>
internal sealed class CopyCase(int elements) : KernelCase("copy", Suite.Direction.Forward, $"{elements} fp32", DType.Float32)
{
    private const int Samples = 512;

    public static readonly CaseFamily Kind = new(
        "copy", "COUNT fp32", @"(?<count>\d+) fp32", [Suite.Direction.Forward], (shape, _, _) => new CopyCase(shape["count"]))
    {
        Shapes = scope => scope.Shapes(["1048576 fp32"], ["262144 fp32", "16777216 fp32"], _ => scope.Preset == SuitePresets.Standard ? ["67108864 fp32"] : []),
    };

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Each number is read and written.</summary>
    public override double Bytes => 2.0 * sizeof(float) * elements;

    /// <summary>0: a copy is exact.</summary>
    public override double Tolerance => 0;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var source = new Operand(device, new Shape(elements), DType.Float32, 1);
        var program = new ComputeProgram(device) { Checked = true };
        Tensor target = Copy.Join(program, source.Tensor, null);
        return new RecordedKernel(
            program, 0, [target],
            () => new SampledError().Add(target, SampledError.Places(elements, Samples), i => source[i]).Relative, source);
    }
}
