using System.Numerics.Tensors;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Models;
using TrigFlowNative.Training.Objectives;
using Tensor = TrigFlowNative.Engine.Tensor;

namespace TrigFlowNative.Tests.Training;

/// <summary>
/// F(x, t) = scale a(t) x + shift b(t) + label 1[label is given] with three parameters, on the host: with a and b of a
/// <see cref="GaussianFlow"/> the exact answer is (1, 1, 0).
/// </summary>
internal sealed class AffineNetwork(Func<double, (double A, double B)> coefficients, Shape image, int labelCount = 0) : TestNetwork(
    image, labelCount, new ParameterSpec(Scale, new Shape(1)), new ParameterSpec(Shift, new Shape(1)), new ParameterSpec(Label, new Shape(1)))
{
    public const string Scale = "scale", Shift = "shift", Label = "label";

    public static INetwork Of(Func<double, (double A, double B)> coefficients, Shape image, int labelCount = 0) => new AffineNetwork(coefficients, image, labelCount);

    public static ParameterSlab Weights(INetwork network, ComputeDevice device, params float[] values)
    {
        ParameterSlab slab = network.CreateSlab(device, withGradients: true, further: AdaptiveWeight.Layout);
        Set(slab, values);
        return slab;
    }

    public static void Set(ParameterSlab slab, params float[] values)
    {
        foreach ((string name, float value) in new[] { Scale, Shift, Label }.Zip(values))
            slab[name].Value.Upload<float>([value]);
    }

    protected override Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels)
    {
        (Tensor scale, Tensor shift, Tensor label) = (weights[Scale].Value, weights[Shift].Value, weights[Label].Value);
        Tensor y = program.AllocateLike(x);
        int size = x.Count / x.Shape.N;
        program.Emit("affine.forward", [x, t, labels, scale, shift, label], [y], _ =>
        {
            Span<float> source = x.Span, target = y.Span;
            for (int n = 0; n < t.Count; n++)
            {
                double time = t.Span[n], offset = label.Span[0] * Given(labels, n), da = 0, db = 0;
                (double a, double b) = Scaled(time);
                if (x.HasTangent)
                {
                    const double h = 1e-5;
                    ((double upperA, double upperB), (double lowerA, double lowerB)) = (Scaled(time + h), Scaled(time - h));
                    double tt = t.Span[n + t.Count];
                    (da, db) = (tt * (upperA - lowerA) / (2 * h), tt * (upperB - lowerB) / (2 * h));
                }

                for (int i = n * size; i < (n + 1) * size; i++)
                {
                    target[i] = (float)(a * source[i] + b + offset);
                    if (x.HasTangent)
                        target[i + x.Count] = (float)(da * source[i] + a * source[i + x.Count] + db);
                }
            }

            (double A, double B) Scaled(double time) =>
                (scale.Span[0] * coefficients(time).A, shift.Span[0] * coefficients(time).B);
        }, _ => throw new NotSupportedException("the affine network runs on the host"));
        program.Tape?.Record(y, [scale, shift, label], () =>
        {
            Tensor dy = program.Tape.Cotangent(y.Primal);
            Backward(program, dy, scale, [x, t], (n, sum, weighted) => coefficients(t.Span[n]).A * weighted(x));
            Backward(program, dy, shift, [t], (n, sum, weighted) => coefficients(t.Span[n]).B * sum);
            Backward(program, dy, label, [labels], (n, sum, weighted) => Given(labels, n) * sum);
        });
        return y;
    }

    /// <summary>Adds the contribution of each sample, given the sum of its cotangent and the sum of the cotangent times another tensor.</summary>
    private static void Backward(
        ComputeProgram program, Tensor dy, Tensor parameter, Tensor?[] reads, Func<int, double, Func<Tensor, double>, double> contribution)
    {
        if (program.Tape!.Slot(program, parameter) is not { } slot)
            return;
        program.Emit("affine.backward", [dy, slot.ReadTensor, .. reads], [slot.Tensor], _ =>
        {
            double total = slot.Accumulate ? slot.Tensor.Span[0] : 0;
            int size = dy.Count / dy.Shape.N;
            for (int n = 0; n < dy.Shape.N; n++)
            {
                Range sample = (n * size)..((n + 1) * size);
                total += contribution(n, TensorPrimitives.Sum<float>(dy.Span[sample]), x => TensorPrimitives.Dot<float>(dy.Span[sample], x.Span[sample]));
            }

            slot.Tensor.Span[0] = (float)total;
        }, _ => throw new NotSupportedException("the affine network runs on the host"));
    }

    private static double Given(Tensor? labels, int n) => labels is not null && labels.SpanOf<int>()[n] >= 0 ? 1 : 0;
}
