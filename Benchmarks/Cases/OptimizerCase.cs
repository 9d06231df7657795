using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>The end of a training step: gradient norm, Adam and moving average over all parameters at once.</summary>
internal sealed class OptimizerCase(int parameters)
    : KernelCase("optimizer", Suite.Direction.Update, $"adam {parameters}", DType.Float32)
{
    private const int Samples = 512;

    /// <summary>Parameters from which on the time is proportional to their number: those of larger networks are not measured.</summary>
    private const long MostParameters = 1 << 30;

    private const double RoundingError = 1.0 / 256; // of bf16: half a unit in the last place, relative to the value
    private const float Rate = 1e-3f, Gain = 0.25f;

    public static readonly CaseFamily Kind = new(
        "optimizer", "adam PARAMETERS", @"adam (?<parameters>\d+)", [Suite.Direction.Update], (shape, _, _) => new OptimizerCase(shape["parameters"]))
    {
        Shapes = scope => scope.Shapes(["adam 1000"], ["adam 500000"], layers => layers.Parameters is { } count ? [$"adam {Math.Min(count, MostParameters)}"] : []),
    };

    private static readonly AdamOptions Options = new(0.9f, 0.999f, 1e-8f);

    /// <summary>None: memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>
    /// Eleven passes of fp32: master weights, gradients, two moments and the average are read and written, and the gradients are read once more
    /// before, since no weight may change until their norm is known. Then the bf16 compute weights are written.
    /// </summary>
    public override double Bytes => (11.0 * sizeof(float) + DType.BFloat16.SizeInBytes()) * parameters;

    public override RecordedKernel Record(ComputeDevice device)
    {
        var shape = new Shape(parameters);
        Operand values = new(device, shape, DType.Float32, 1), gradients = new(device, shape, DType.Float32, 2, 1f / 64);
        Operand first = new(device, shape, DType.Float32, 3, 1f / 64), average = new(device, shape, DType.Float32, 4);
        Tensor second = device.CreateTensor(shape), state = device.CreateTensor(new Shape(Adam.StateLength), DType.Float64);
        Tensor rate = device.CreateTensor(new Shape(1), [Rate]), gain = device.CreateTensor(new Shape(1), [Gain]);
        Tensor compute = device.CreateTensor(shape, DType.BFloat16);
        Tensor losses = device.CreateTensor(new Shape(Tally.Length), DType.Float64), clip = device.CreateTensor(new Shape(GradientNorm.ClipLength));
        Tensor counters = device.CreateTensor(new Shape(GradientNorm.CounterLength), DType.Int32);
        var program = new ComputeProgram(device) { Checked = true };
        GradientNorm.Into(program, gradients.Tensor, losses, float.PositiveInfinity, clip, counters);
        var slabs = new AdamSlabs(values.Tensor, gradients.Tensor, first.Tensor, second, state) { Average = (average.Tensor, gain), ComputeWeights = compute };
        Adam.Into(program, slabs, Options, rate, clip);
        return new RecordedKernel(
            program, 0, [], () => Error(values, gradients, first, average, compute),
            values, gradients, first, average, second, state, rate, gain, compute, losses, clip, counters);
    }

    /// <summary>Returns the error after the first step, before which the second moments were zero.</summary>
    private static double Error(Operand values, Operand gradients, Operand first, Operand average, Tensor compute)
    {
        double Updated(long i)
        {
            double m = Options.Beta1 * first[i] + (1 - Options.Beta1) * gradients[i], v = (1 - Options.Beta2) * gradients[i] * gradients[i];
            return values[i] - Rate * (m / (1 - Options.Beta1)) / (Math.Sqrt(v / (1 - Options.Beta2)) + Options.Epsilon);
        }

        long[] places = [.. SampledError.Places(values.Tensor.Count, Samples)];
        SampledError exact = new(), rounded = new();
        exact.Add(values.Tensor, places, Updated).Add(average.Tensor, places, i => average[i] + Gain * (Updated(i) - average[i]));
        rounded.Add(compute, places, Updated);
        return rounded.Relative < RoundingError ? exact.Relative : rounded.Relative;
    }
}
