using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// The checks every op faces, on every device: forward, tangent and gradients against a float64 loop and its central
/// differences, the adjoint identity, primal with tangent = primal without, two runs bit for bit, gradients added to.
/// Programs run checked: transient memory starts as NaN and undeclared reads throw.
/// </summary>
internal static class OpBattery
{
    private const double Step = 1e-4;

    public static void Check(string deviceName, OpCase op)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var random = new Random(20241011);
        float[][] inputs = [.. op.Inputs.Select((shape, i) => Stored(op.InputType(i), op.Fill?.Invoke(i, random) ?? Normal(random, (int)shape.Count)))];
        float[][] tangents = [.. op.Inputs.Select((shape, i) => Stored(op.InputType(i), i < op.TangentInputs ? Normal(random, (int)shape.Count) : new float[shape.Count]))];
        double[][] exact = [.. inputs.Select(Widen)];
        double[] expected = op.Reference(exact);
        float[] cotangent = Stored(op.Type, Normal(random, expected.Length));

        Result plain = Run(device, op, inputs, null, cotangent, 1);
        Near(op, "forward", expected, plain.Primal);
        BitEqual(op, "a second run", plain, Run(device, op, inputs, null, cotangent, 1));
        CheckGradients(op, exact, cotangent, plain);
        for (int i = 0; i < op.GradientInputs; i++)
            Near(op, $"gradient {i} added twice", [.. plain.Gradients[i].Select(g => 2.0 * g)], Run(device, op, inputs, null, cotangent, 2).Gradients[i]);
        if (op.HasTangent)
            CheckTangent(device, op, inputs, tangents, exact, cotangent, plain);
    }

    private static void CheckTangent(
        ComputeDevice device, OpCase op, float[][] inputs, float[][] tangents, double[][] exact, float[] cotangent, Result plain)
    {
        Result dual = Run(device, op, inputs, tangents, cotangent, 1);
        Assert.True(plain.Primal.AsSpan().SequenceEqual(dual.Primal), $"{op}: the primal differs when a tangent is carried");
        double[] upper = op.Reference([.. exact.Select((x, i) => Moved(x, tangents[i], Step))]);
        double[] lower = op.Reference([.. exact.Select((x, i) => Moved(x, tangents[i], -Step))]);
        Near(op, "tangent", [.. upper.Zip(lower, (u, l) => (u - l) / (2 * Step))], dual.Tangent!);
        for (int i = 0; i < op.GradientInputs; i++)
            Near(op, $"gradient {i} of the dual run", Widen(plain.Gradients[i]), dual.Gradients[i]);

        // <u, J v> = <J' u, v>, against the size of the terms rather than of the sum, which may cancel.
        double left = 0, right = 0, size = 0;
        for (int k = 0; k < cotangent.Length; k++)
        {
            left += (double)cotangent[k] * dual.Tangent![k];
            size += Math.Abs((double)cotangent[k] * dual.Tangent[k]);
        }

        for (int i = 0; i < Math.Min(op.GradientInputs, op.TangentInputs); i++)
            right += plain.Gradients[i].Zip(tangents[i], (g, v) => (double)g * v).Sum();
        Assert.True(op.GradientInputs < op.TangentInputs || Math.Abs(left - right) <= op.Tolerance * size, $"{op}: <u, Jv> = {left} but <J'u, v> = {right}");
    }

    /// <summary>Every element of small inputs; of larger ones 64 elements and 4 random directions.</summary>
    private static void CheckGradients(OpCase op, double[][] exact, float[] cotangent, Result plain)
    {
        var random = new Random(7);
        for (int i = 0; i < op.GradientInputs; i++)
        {
            int count = exact[i].Length;
            IEnumerable<int> elements = count <= 300 ? Enumerable.Range(0, count) : Enumerable.Range(0, 64).Select(_ => random.Next(count));
            int[] chosen = [.. elements.Distinct()];
            double[] differences = [.. chosen.Select(k => Directional(op, exact, i, Unit(count, k), cotangent))];
            Near(op, $"gradient {i}", differences, [.. chosen.Select(k => plain.Gradients[i][k])]);
            if (count <= 300)
                continue;
            for (int trial = 0; trial < 4; trial++)
            {
                float[] direction = Normal(random, count);
                double expected = Directional(op, exact, i, direction, cotangent);
                double actual = direction.Zip(plain.Gradients[i], (v, g) => (double)v * g).Sum();
                double size = Math.Sqrt(direction.Zip(plain.Gradients[i], (v, g) => (double)v * g * v * g).Sum());
                Assert.True(Math.Abs(expected - actual) <= 4 * op.Tolerance * Math.Max(size, Math.Abs(expected)), $"{op}: gradient {i} along a direction is {actual}, by differences {expected}");
            }
        }
    }

    private static double Directional(OpCase op, double[][] exact, int input, float[] direction, float[] cotangent)
    {
        double[] upper = op.Reference([.. exact.Select((x, i) => i == input ? Moved(x, direction, Step) : x)]);
        double[] lower = op.Reference([.. exact.Select((x, i) => i == input ? Moved(x, direction, -Step) : x)]);
        double sum = 0;
        for (int k = 0; k < cotangent.Length; k++)
            sum += cotangent[k] * (upper[k] - lower[k]) / (2 * Step);
        return sum;
    }

    /// <summary>Applies the op <paramref name="uses"/> times to the same inputs, so that gradients must add up.</summary>
    private static Result Run(ComputeDevice device, OpCase op, float[][] inputs, float[][]? tangents, float[] cotangent, int uses)
    {
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        Tensor[] tensors = [.. op.Inputs.Select((shape, i) => Create(device, shape, op.InputType(i), inputs[i]))];
        Tensor[] gradients = [.. op.Inputs.Select((shape, i) => device.CreateTensor(shape, op.IsWeight(i) ? DType.Float32 : op.InputType(i)))];
        for (int i = 0; i < op.GradientInputs; i++)
            tape.Watch(tensors[i], gradients[i]);
        Tensor[] arguments = [.. tensors.Select((x, i) => !IsCopied(op, i)
            ? x
            : Copy.Join(program, x, tangents is not null && i < op.TangentInputs ? Create(device, x.Shape, x.Type, tangents[i]) : null))];
        Tensor? primal = null, tangent = null;
        for (int use = 0; use < uses; use++)
        {
            Tensor y = op.Apply(program, arguments);
            Assert.Equal(tangents is not null, y.HasTangent);
            if (op.GradientInputs > 0)
                tape.Seed(y, Create(device, y.Shape, y.Type, cotangent));
            primal = Keep(program, y.Primal);
            tangent = y.HasTangent ? Keep(program, y.Tangent) : null;
        }

        tape.Backward();
        program.Run();
        return new Result(Values(primal!), tangent is null ? null : Values(tangent), [.. gradients.Select(Values)]);
    }

    private static Tensor Keep(ComputeProgram program, Tensor x)
    {
        Tensor kept = program.Device.CreateTensor(x.Shape, x.Type);
        Copy.Into(program, x, kept);
        return kept;
    }

    /// <summary>
    /// Whether the op gets a transient copy, so that its gradient is first written and then added to. A bf16 weight comes as it
    /// does in a network, from persistent memory and with an fp32 gradient.
    /// </summary>
    private static bool IsCopied(OpCase op, int i) =>
        (i < op.GradientInputs || i < op.TangentInputs) && !(op.Type == DType.BFloat16 && op.IsWeight(i));

    /// <summary>The values as a storage type holds them.</summary>
    private static float[] Stored(DType type, float[] values) =>
        type == DType.BFloat16 ? Array.ConvertAll(values, value => BFloat16.ToSingle(BFloat16.FromSingle(value))) : values;

    private static Tensor Create(ComputeDevice device, Shape shape, DType type, float[] values)
    {
        if (type == DType.Float32)
            return device.CreateTensor(shape, values);
        Tensor tensor = device.CreateTensor(shape, type);
        tensor.Upload<BFloat16>(Array.ConvertAll(values, BFloat16.FromSingle));
        return tensor;
    }

    private static float[] Values(Tensor x)
    {
        if (x.Type == DType.Float32)
            return x.ToArray();
        var stored = new BFloat16[x.StoredCount];
        x.Download<BFloat16>(stored);
        return Array.ConvertAll(stored, BFloat16.ToSingle);
    }

    private static void Near(OpCase op, string what, double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = RelativeError(expected, actual);
        Assert.True(error <= op.Tolerance, $"{op}: {what} is off by {error:E2} relative L2, {op.Tolerance:E2} allowed");
    }

    /// <summary>||actual - expected|| / ||expected||; NaN if anything is.</summary>
    public static double RelativeError(double[] expected, float[] actual)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        return norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm);
    }

    private static void BitEqual(OpCase op, string what, Result first, Result second)
    {
        Assert.True(first.Primal.AsSpan().SequenceEqual(second.Primal), $"{op}: {what} gives other values");
        for (int i = 0; i < op.GradientInputs; i++)
            Assert.True(first.Gradients[i].AsSpan().SequenceEqual(second.Gradients[i]), $"{op}: {what} gives another gradient {i}");
    }

    private static double[] Moved(double[] x, float[] direction, double step) => [.. x.Zip(direction, (a, d) => a + step * d)];

    private static double[] Widen(float[] values) => [.. values.Select(v => (double)v)];

    private static float[] Unit(int count, int k)
    {
        float[] unit = new float[count];
        unit[k] = 1;
        return unit;
    }

    private static float[] Normal(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))];

    private sealed record Result(float[] Primal, float[]? Tangent, float[][] Gradients);
}
