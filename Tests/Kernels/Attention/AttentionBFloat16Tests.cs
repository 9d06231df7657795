using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The op on bf16 tensors: every way that a GPU can take, against float64.</summary>
public class AttentionBFloat16Tests
{
    private const double Tolerance = 1e-2;

    /// <summary>Heads so small that the simulator's portable kernels take a second or two.</summary>
    public static IEnumerable<TheoryDataRow<string, int[]>> Tiny => TestDevices.Cross<int[]>(
        ["simulator", "cuda"], [[1, 1, 5, 1, 8], [2, 1, 3, 2, 3], [1, 3, 5, 1, 16]]);

    public static IEnumerable<TheoryDataRow<string, int[]>> Small => TestDevices.Cross<int[]>(
        ["cuda"],
        [
            [1, 1, 1, 1, 16], [1, 1, 17, 3, 48], [2, 7, 9, 1, 64], [1, 5, 13, 3, 64], [1, 10, 20, 1, 64], [3, 8, 8, 1, 256], [1, 5, 13, 1, 256],
            [1, 10, 20, 1, 256], [2, 16, 16, 1, 256], [1, 10, 13, 2, 128], [1, 7, 10, 1, 136], [1, 9, 9, 2, 20], [1, 5, 5, 1, 264], [1, 13, 20, 2, 64],
            [1, 17, 19, 2, 56], [2, 10, 20, 2, 104], [1, 9, 13, 1, 200], [20, 10, 13, 8, 64], [70, 5, 13, 2, 128], [140, 5, 13, 1, 256],
        ]);

    [Theory]
    [MemberData(nameof(Tiny))]
    [MemberData(nameof(Small))]
    public void Agrees_with_float64(string device, int[] extents)
    {
        AttentionProblem problem = Problem(extents, 0);
        Result plain = Run(device, problem, extents, dual: false, uses: 1);
        Near(problem.Output, plain.Primal);
        Near(problem.Gradient, plain.Gradient);
        Same(plain, Run(device, problem, extents, dual: false, uses: 1));
        Near([.. problem.Gradient.Select(g => 2 * g)], Run(device, problem, extents, dual: false, uses: 2).Gradient);

        Result dual = Run(device, problem, extents, dual: true, uses: 1);
        Assert.Equal(plain.Primal, dual.Primal);
        Near(problem.OutputTangent, dual.Tangent!);
        Same(dual, Run(device, problem, extents, dual: true, uses: 1));

        // <u, J v> = <J' u, v>, against the size of the terms, which may cancel.
        double left = 0, right = 0, size = 0;
        for (int i = 0; i < problem.Cotangents.Length; i++)
        {
            left += (double)problem.Cotangents[i] * dual.Tangent![i];
            size += Math.Pow(problem.Cotangents[i] * dual.Tangent[i], 2);
        }

        for (int i = 0; i < problem.Tangents.Length; i++)
        {
            right += (double)plain.Gradient[i] * problem.Tangents[i];
            size += Math.Pow(plain.Gradient[i] * problem.Tangents[i], 2);
        }

        Assert.True(Math.Abs(left - right) <= 4 * Tolerance * Math.Sqrt(size) + 1e-6, $"<u, Jv> = {left} but <J'u, v> = {right}");
    }

    [Theory]
    [MemberData(nameof(TestDevices.Gpu), MemberType = typeof(TestDevices))]
    public void Keeps_the_tangent_where_its_logits_have_a_large_mean(string device)
    {
        foreach (int[] extents in new int[][] { [1, 10, 20, 1, 64], [1, 10, 20, 1, 256] })
        {
            AttentionProblem problem = Problem(extents, 100);
            Near(problem.OutputTangent, Run(device, problem, extents, dual: true, uses: 1).Tangent!);
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.Gpu), MemberType = typeof(TestDevices))]
    public void Portable_and_tensor_core_kernels_agree(string device)
    {
        var gpu = (GpuDevice)TestDevices.Get(device);
        TensorCorePath best = gpu.TensorCores;
        foreach (int[] extents in new int[][] { [2, 8, 8, 1, 256], [1, 13, 10, 3, 64] })
        {
            AttentionProblem problem = Problem(extents, 0);
            try
            {
                gpu.TensorCores = TensorCorePath.Portable;
                Result portable = Run(device, problem, extents, dual: true, uses: 1);
                foreach (TensorCorePath path in new[] { TensorCorePath.Mma, best })
                {
                    gpu.TensorCores = path;
                    Result fast = Run(device, problem, extents, dual: true, uses: 1);
                    Near(Widen(portable.Primal), fast.Primal);
                    Near(Widen(portable.Tangent!), fast.Tangent!);
                    Near(Widen(portable.Gradient), fast.Gradient);
                }
            }
            finally
            {
                gpu.TensorCores = best;
            }
        }
    }

    [Fact]
    public void The_cpu_refuses_bf16()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor qkv = program.Allocate(new Shape(1, 2, 3, 12), type: DType.BFloat16);
        Assert.Contains("attention", Assert.Throws<ArgumentException>(() => Attention.Apply(program, qkv)).Message, StringComparison.Ordinal);
    }

    private static AttentionProblem Problem(int[] extents, float mean) =>
        AttentionProblem.Random(extents[0], extents[1] * extents[2], extents[3], extents[4], mean);

    /// <summary>Applies the op to copies of the same input, so that gradients are first written and then added to.</summary>
    private static Result Run(string deviceName, AttentionProblem problem, int[] extents, bool dual, int uses)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var shape = new Shape(extents[0], extents[1], extents[2], problem.Stride);
        var outputShape = new Shape(extents[0], extents[1], extents[2], problem.Channels);
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        using Tensor gradient = Create(shape, new float[problem.Inputs.Length]);
        using Tensor primal = Create(shape, problem.Inputs), tangent = Create(shape, problem.Tangents);
        using Tensor dy = Create(outputShape, problem.Cotangents);
        using Tensor kept = device.CreateTensor(new Shape(dual ? 2 * extents[0] : extents[0], extents[1], extents[2], problem.Channels), DType.BFloat16);
        Tensor x = program.Allocate(shape, dual, DType.BFloat16);
        Copy.Into(program, primal, x.Primal);
        if (dual)
            Copy.Into(program, tangent, x.Tangent);
        tape.Watch(primal, gradient);
        tape.Record(x, [primal], () => Copy.Into(program, tape.Cotangent(x), gradient));
        for (int use = 0; use < uses; use++)
        {
            Tensor y = Attention.Apply(program, x, problem.Heads);
            Assert.Equal((DType.BFloat16, dual), (y.Type, y.HasTangent));
            tape.Seed(y.Primal, dy);
            Copy.Into(program, y, kept);
        }

        tape.Backward();
        program.Run();
        float[] values = Download(kept, (int)kept.StoredCount);
        return new Result(
            values[..problem.Cotangents.Length], dual ? values[problem.Cotangents.Length..] : null, Download(gradient, problem.Inputs.Length));

        Tensor Create(Shape size, float[] values)
        {
            Tensor tensor = device.CreateTensor(size, DType.BFloat16);
            tensor.Upload<BFloat16>(Rounded(values));
            return tensor;
        }
    }

    private static BFloat16[] Rounded(float[] values) => [.. values.Select(BFloat16.FromSingle)];

    private static float[] Download(Tensor tensor, int count)
    {
        var values = new BFloat16[count];
        tensor.Download<BFloat16>(values);
        return [.. values.Select(BFloat16.ToSingle)];
    }

    private static double[] Widen(float[] values) => [.. values.Select(value => (double)value)];

    private static void Same(Result first, Result second)
    {
        Assert.Equal(first.Primal, second.Primal);
        Assert.Equal(first.Tangent, second.Tangent);
        Assert.Equal(first.Gradient, second.Gradient);
    }

    private static void Near(double[] expected, float[] actual)
    {
        double error = OpBattery.RelativeError(expected, actual);
        Assert.True(error <= Tolerance, $"off by {error:E2} relative L2, {Tolerance:E2} allowed");
    }

    private sealed record Result(float[] Primal, float[]? Tangent, float[] Gradient);
}
