using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The tensor-core products of sm_80 on a GPU, against float64 loops over integers: exact for fp32 results, rounded for bf16 ones.</summary>
public class MmaProductTests
{
    private const float Alpha = 0.5f, Beta = 2f;
    private const int Samples = 1000;

    /// <summary>One image, odd extents, one row, channels no multiple of a step's 32, and every tile's size exceeded by a little.</summary>
    public static IEnumerable<TheoryDataRow<string, int[]>> Shapes => TestDevices.Cross<int[]>(
        ["cuda"],
        [
            [1, 5, 7, 24, 40, 3], [1, 13, 9, 264, 264, 3], [2, 9, 13, 40, 8, 3], [3, 1, 2, 8, 72, 3], [1, 1, 1, 24, 264, 1],
            [5, 7, 9, 136, 16, 1], [4, 16, 16, 256, 256, 3], [8, 32, 32, 128, 256, 3], [16, 8, 8, 512, 256, 3], [1024, 1, 1, 1024, 1024, 1],
            [3000, 1, 1, 256, 776, 1],
        ]);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_agrees_with_float64(string device, int[] extents)
    {
        MmaCase run = Case(extents);
        ConvExtents e = run.Extents;
        int biased = e.Pixels / 2 + 1;
        foreach (DType type in (DType[])[DType.BFloat16, DType.Float32])
        {
            foreach ((bool bias, bool residual) in ((bool, bool)[])[(false, false), (true, false), (true, true)])
            {
                float[] y = Twice(device, type, run.YBefore, new Shape(e.Pixels, e.K), (program, target) =>
                {
                    Tensor x = Rounded(program, run.X), weight = Rounded(program, run.Weight);
                    Tensor? offset = bias ? program.Device.CreateTensor(new Shape(e.K), run.Bias) : null;
                    program.Emit(
                        "product.forward", [x, weight, offset, target], [target], _ => { },
                        gpu => MmaProduct.Path.Forward(
                            gpu, e, new(x, weight) { Bias = offset, BiasedRows = biased, Alpha = Alpha, Residual = residual ? target : null, Beta = Beta }, target));
                });
                Near($"y {type} bias {bias} residual {residual}", y, type, i => Alpha * (run.Output(i) + (bias && i / e.K < biased ? run.Bias[i % e.K] : 0))
                    + (residual ? Beta * run.YBefore[i] : 0));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_input_s_gradient_agrees_with_float64(string device, int[] extents)
    {
        MmaCase run = Case(extents);
        ConvExtents e = run.Extents;
        foreach (DType type in (DType[])[DType.BFloat16, DType.Float32])
        {
            foreach (int add in (int[])[0, 1])
            {
                float[] dx = Twice(device, type, run.DxBefore, new Shape(e.Pixels, e.C), (program, target) =>
                {
                    Tensor dy = Rounded(program, run.Dy), weight = Rounded(program, run.Weight);
                    program.Emit(
                        "product.backward.x", [dy, weight, target], [target], _ => { },
                        gpu => MmaProduct.Path.InputGradient(gpu, e, dy, weight, 0, new GradientSlot(target, add != 0), Alpha));
                });
                Near($"dx {type} add {add}", dx, type, i => Alpha * run.InputGradient(i) + add * run.DxBefore[i]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_weight_s_gradient_agrees_with_float64(string device, int[] extents)
    {
        MmaCase run = Case(extents);
        ConvExtents e = run.Extents;
        foreach (int add in (int[])[0, 1])
        {
            float[] dWeight = Twice(device, DType.Float32, run.DWeightBefore, new Shape(e.K, e.R, e.R, e.C), (program, target) =>
            {
                Tensor x = Rounded(program, run.X), dy = Rounded(program, run.Dy), partials = MmaProduct.Path.Partials(program, e);
                program.Emit(
                    "product.backward.weight", [x, dy, target], [target, partials], _ => { },
                    gpu => MmaProduct.Path.WeightGradient(gpu, e, new(x, null, dy), partials, new GradientSlot(target, add != 0), null, Alpha));
            });
            Near($"dWeight add {add}", dWeight, DType.Float32, i => Alpha * run.WeightGradient(i, 0, e.Pixels) + add * run.DWeightBefore[i]);
        }
    }

    /// <summary>The target after a run that found given values in it; a second run must leave the same bits.</summary>
    private static float[] Twice(string deviceName, DType type, float[] before, Shape shape, Action<ComputeProgram, Tensor> record)
    {
        float[] first = Once(), second = Once();
        Assert.True(first.AsSpan().SequenceEqual(second), "a second run differs");
        return first;

        float[] Once()
        {
            ComputeDevice device = TestDevices.Get(deviceName);
            using var program = new ComputeProgram(device) { Checked = true };
            using Tensor target = device.CreateTensor(shape, type);
            Upload(target, before);
            record(program, target);
            program.Run();
            if (type == DType.Float32)
                return target.ToArray();
            var values = new BFloat16[target.Count];
            target.Download(values.AsSpan());
            return [.. values.Select(BFloat16.ToSingle)];
        }
    }

    private static Tensor Rounded(ComputeProgram program, float[] values)
    {
        Tensor tensor = program.Device.CreateTensor(new Shape(values.Length), DType.BFloat16);
        Upload(tensor, values);
        return tensor;
    }

    private static void Upload(Tensor tensor, float[] values)
    {
        if (tensor.Type == DType.Float32)
            tensor.Upload<float>(values);
        else
            tensor.Upload<BFloat16>([.. values.Select(BFloat16.FromSingle)]);
    }

    private static void Near(string what, float[] actual, DType type, Func<int, double> expected)
    {
        var random = new Random(7);
        int[] chosen = actual.Length <= Samples
            ? [.. Enumerable.Range(0, actual.Length)]
            : [0, actual.Length - 1, .. Enumerable.Range(0, Samples).Select(_ => random.Next(actual.Length))];
        foreach (int i in chosen)
        {
            float sum = (float)expected(i), wanted = type == DType.Float32 ? sum : BFloat16.ToSingle(BFloat16.FromSingle(sum));
            Assert.True(actual[i] == wanted, $"{what}: element {i} is {actual[i]}, not {wanted}");
        }

        Assert.True(actual.All(float.IsFinite), $"{what} holds what is no number");
    }

    private static MmaCase Case(int[] e) => new(e[0], e[1], e[2], e[3], e[4], e[5]);
}
