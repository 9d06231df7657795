using System.Diagnostics;
using System.Globalization;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Host;

/// <summary>Times 3x3 convolutions on the host, forward and backward, as a share of the FMA peak, which is measured alternately with them.</summary>
public static class HostConvolutions
{
    private const int Repetitions = 25;

    /// <summary>Images, height and width, input and output channels: the reference shape of the tests, then layers of small networks.</summary>
    private static readonly (int N, int Size, int C, int K)[] Shapes =
        [(16, 32, 64, 64), (32, 16, 16, 16), (32, 16, 48, 16), (32, 8, 64, 32), (32, 4, 64, 64), (16, 32, 32, 32), (16, 16, 128, 64)];

    /// <summary>Prints a line for each shape and direction, with the medians of 25 runs.</summary>
    public static void Run(CpuDevice cpu, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        output.WriteLine("images  extent  channels   pass                    GFLOP/s   of FMA peak");
        foreach ((int n, int size, int c, int k) in Shapes)
        {
            double flops = 2.0 * 9 * n * size * size * c * k;
            foreach ((string pass, double seconds, double peak) in Measure(cpu, n, size, c, k, flops))
            {
                double rate = flops / seconds / 1e9;
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{n,6}  {size,2}x{size,-2}   {c,4} -> {k,-4} {pass,-22} {rate,8:F1}   {100 * rate / peak,9:F0} %"));
            }
        }
    }

    /// <summary>Records a convolution with its backward pass and times each step.</summary>
    private static IEnumerable<(string Pass, double Seconds, double Peak)> Measure(CpuDevice cpu, int n, int size, int c, int k, double flops)
    {
        var tape = new Tape();
        using var program = new ComputeProgram(cpu) { Tape = tape };
        using Tensor x = Random(cpu, new Shape(n, size, size, c), 1), dx = cpu.CreateTensor(x.Shape);
        using Tensor weight = Random(cpu, new Shape(k, 3, 3, c), 2), dWeight = cpu.CreateTensor(weight.Shape);
        using Tensor dy = Random(cpu, new Shape(n, size, size, k), 3);
        tape.Watch(x, dx);
        tape.Watch(weight, dWeight);
        tape.Seed(Conv2d.Apply(program, x, weight, null), dy);
        tape.Backward();
        program.Run();
        var peaks = new List<double>();
        var times = program.Steps.ToDictionary(step => step, _ => new List<double>());
        for (int i = 0; i < Repetitions; i++)
        {
            peaks.Add(FmaPeak.Measure(cpu, flops));
            foreach (ProgramStep step in program.Steps)
            {
                long start = Stopwatch.GetTimestamp();
                step.Run();
                times[step].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
        }

        return [.. program.Steps.Select(step => (step.Op, Median(times[step]), Median(peaks)))];
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static Tensor Random(CpuDevice cpu, Shape shape, int seed)
    {
        var random = new Random(seed);
        return cpu.CreateTensor(shape, [.. Enumerable.Range(0, (int)shape.Count).Select(_ => random.NextSingle() * 2 - 1)]);
    }
}
