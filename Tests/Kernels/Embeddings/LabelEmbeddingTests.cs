using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class LabelEmbeddingTests
{
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[] { (new[] { 0 }, 1, 1), ([2, -1, 2, 0, 2], 7, 3), ([-1], 5, 4), ([9, 0, 5, 9, -1, 3, 3], 37, 10) }
            .SelectMany(e => new[] { Case(e.Item1, e.Item2, e.Item3, true), Case(e.Item1, e.Item2, e.Item3, false) }));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Fact]
    public void Spreads_over_more_than_one_block() =>
        OpBattery.Check("cpu", Case([.. Enumerable.Range(0, 130).Select(n => n * n % 12 - 1)], 67, 11, true));

    [Fact]
    public void Refuses_float_labels_and_duals()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using var program = new ComputeProgram(device);
        using Tensor labels = device.CreateTensor(new Shape(3)), weight = device.CreateTensor(new Shape(5, 4));
        using Tensor whole = device.CreateTensor(new Shape(3), DType.Int32), narrow = device.CreateTensor(new Shape(4));
        Assert.Contains("label-embedding", Assert.Throws<ArgumentException>(() => LabelEmbedding.Apply(program, labels, weight, null)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => LabelEmbedding.Apply(program, whole, weight, narrow));
        Assert.Throws<ArgumentException>(() => LabelEmbedding.Apply(program, whole, program.Allocate(weight.Shape, hasTangent: true), null));
    }

    private static OpCase Case(int[] labels, int width, int classes, bool hasBias)
    {
        Shape weight = new(width, classes), bias = new(width);
        return new OpCase(
            $"label-embedding ({string.Join(' ', labels)}) {weight}{(hasBias ? " + bias" : "")}", hasBias ? [weight, bias] : [weight],
            (p, x) =>
            {
                Tensor tensor = p.Device.CreateTensor(new Shape(labels.Length), DType.Int32);
                tensor.Upload<int>(labels);
                return LabelEmbedding.Apply(p, tensor, x[0], hasBias ? x[1] : null);
            },
            x => [.. labels.SelectMany(label => Enumerable.Range(0, width).Select(k =>
                (hasBias ? x[1][k] : 0) + (label < 0 ? 0 : Math.Sqrt(classes) * x[0][k * classes + label])))])
        { TangentInputs = 0, HasTangent = false };
    }
}
