using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Extension;

/// <summary>y = 2 x over a number of elements.</summary>
public sealed class DoublingCase(int count) : KernelCase("doubling", "forward", $"{count}", DType.Float32)
{
    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Each element is read once and written once.</summary>
    public override double Bytes => 2.0 * sizeof(float) * count;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var x = new Operand(device, new Shape(count), DType.Float32, number: 1);
        var program = new ComputeProgram(device) { Checked = true }; // outputs are NaN until they are written
        Tensor y = program.Allocate(new Shape(count));
        program.Emit("doubling", [x.Tensor], [y], cpu => OnHost(x.Tensor, y), gpu => OnGpu(gpu, x.Tensor, y));
        return new RecordedKernel(program, first: 0, [y], () => new SampledError().Add(y, SampledError.Places(count, 512), i => 2 * x[i]).Relative, x);
    }

    private static void OnHost(Tensor x, Tensor y)
    {
        for (int i = 0; i < x.Count; i++)
            y.Span[i] = 2 * x.Span[i];
    }

    private static Action OnGpu(GpuDevice gpu, Tensor x, Tensor y)
    {
        var kernel = gpu.Accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>>(Double);
        return () => kernel(gpu.Stream, x.Count, x.View, y.View);
    }

    private static void Double(Index1D i, ArrayView<float> x, ArrayView<float> y) => y[i] = 2 * x[i];
}
