using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary><see cref="RandomNormal"/> or <see cref="RandomUniform"/>: fp32 noise for a batch of images.</summary>
internal sealed class RandomCase(string distribution, int n, int size, int channels)
    : KernelCase("random", Suite.Direction.Forward, $"{distribution} n{n} c{channels} {size}x{size}", DType.Float32)
{
    private const string Normal = "normal", Uniform = "uniform";
    private const int Samples = 512, Step = 3, FirstSample = 5;
    private const uint Purpose = 11;
    private const ulong Seed = 0x1234_5678_9ABC_DEF0;

    public static readonly CaseFamily Kind = new(
        "random", "normal or uniform, n IMAGES c CHANNELS SIZExSIZE: normal n256 c3 32x32", @"(?<distribution>normal|uniform) n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>",
        [Suite.Direction.Forward], (s, _, _) => new RandomCase(s.Word("distribution"), s["n"], s["size"], s["c"]))
    {
        Shapes = scope => scope.Shapes(["normal n2 c3 5x5", "uniform n2 c3 5x5"], ["normal n16 c64 16x16", "uniform n16 c64 16x16"], layers => layers.Parameters is null ? [] : [$"normal n{scope.Batch} c256 32x32", $"uniform n{scope.Batch} c256 32x32"]),
    };

    /// <summary>None is counted: integer arithmetic or memory decides the time.</summary>
    public override double Flops => 0;

    /// <summary>Each number is written.</summary>
    public override double Bytes => sizeof(float) * (double)n * size * size * channels;

    private int Elements => size * size * channels;

    public override RecordedKernel Record(ComputeDevice device)
    {
        Tensor counter = device.CreateTensor(new Shape(2), DType.Int32);
        counter.Upload<int>([Step, FirstSample]);
        var program = new ComputeProgram(device) { Checked = true };
        Tensor target = program.Allocate(new Shape(n, size, size, channels));
        var source = new RandomSource(Seed, (RandomPurpose)Purpose, counter);
        if (distribution == Normal)
            RandomNormal.Into(program, target, source);
        else
            RandomUniform.Into(program, target, source);
        return new RecordedKernel(program, 0, [target], () => new SampledError().Add(target, SampledError.Places(target.Count, Samples), Reference).Relative, counter);
    }

    /// <summary>Computed in float64 from the words of the generator.</summary>
    private double Reference(long place)
    {
        (uint sample, int element) = ((uint)(place / Elements), (int)(place % Elements));
        Philox.Words words = Philox.At((uint)(element / 4), FirstSample + sample, Step, Purpose, (uint)(Seed & uint.MaxValue), (uint)(Seed >> 32));
        double[] u = [.. new[] { words.A, words.B, words.C, words.D }.Select(word => ((word >> 8) + 1) / (double)(1 << 24))];
        if (distribution == Uniform)
            return u[element % 4];
        int pair = element % 4 / 2 * 2;
        double radius = Math.Sqrt(-2 * Math.Log(u[pair])), angle = 2 * Math.PI * u[pair + 1];
        return radius * (element % 2 == 0 ? Math.Cos(angle) : Math.Sin(angle));
    }
}
