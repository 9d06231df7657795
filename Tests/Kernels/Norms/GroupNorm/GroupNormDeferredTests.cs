using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The gradient that a residual leaves to the norm before it: y = (linear(norm(x)) + x) scale, whose dx the norm's backward pass writes whole.</summary>
public class GroupNormDeferredTests
{
    private const double Tolerance = 1e-2;
    private const float Scale = 0.7f;

    /// <summary>Whether a further op reads x, so that its gradient is also added to; extents of x, the large ones for the fast kernels.</summary>
    public static IEnumerable<TheoryDataRow<string, (bool ReadTwice, int[] Extents)>> Cases =>
    [
        .. TestDevices.Cross(["simulator"], new[] { (false, new[] { 1, 3, 2, 16 }), (true, new[] { 1, 3, 2, 16 }) }),
        .. TestDevices.Cross(["cuda"], new[] { (false, new[] { 3, 16, 12, 64 }), (true, new[] { 3, 16, 12, 64 }), (true, new[] { 1, 32, 32, 256 }) }),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Joins_the_gradient_of_the_norm(string device, (bool ReadTwice, int[] Extents) of)
    {
        var shape = new Shape(of.Extents);
        (float[] expected, _) = Run("cpu", DType.Float32, shape, of.ReadTwice);
        (float[] actual, string[] steps) = Run(device, DType.BFloat16, shape, of.ReadTwice);
        Assert.InRange(OpBattery.RelativeError([.. expected.Select(v => (double)v)], actual), 0, Tolerance);
        if (device == "cuda")
            Assert.DoesNotContain("scaled-add.backward", steps);
        else
            Assert.Contains("scaled-add.backward", steps);
    }

    private static (float[] Gradient, string[] Steps) Run(string deviceName, DType type, Shape shape, bool readTwice)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        var random = new Random(11);
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape, Checked = true };
        using Tensor x = Create(shape), dx = device.CreateTensor(shape, type), dy = Create(shape), filters = Create(new Shape(shape.C, shape.C)), others = Create(new Shape(shape.C, shape.C));
        using Tensor weight = device.CreateTensor(new Shape(shape.C), Numbers(shape.C)), bias = device.CreateTensor(new Shape(shape.C), Numbers(shape.C));
        tape.Watch(x, dx);
        Tensor input = Copy.Join(program, x, null);
        Tensor y = Linear.Apply(program, GroupNorm.Apply(program, input, weight, bias, shape.C / 8, silu: true), filters, residual: input, scale: Scale);
        if (readTwice)
            y = Linear.Apply(program, y, filters, residual: Linear.Apply(program, input, others)); // its gradient comes to x before that of the norm
        tape.Seed(y, dy);
        tape.Backward();
        program.Run();
        return (Read(dx), [.. program.Steps.Select(step => step.Op)]);

        float[] Numbers(long count) => [.. Enumerable.Range(0, (int)count).Select(_ => BFloat16.ToSingle(BFloat16.FromSingle(2 * random.NextSingle() - 1)))];

        Tensor Create(Shape of)
        {
            Tensor tensor = device.CreateTensor(of, type);
            if (type == DType.Float32)
                tensor.Upload<float>(Numbers(of.Count));
            else
                tensor.Upload<BFloat16>([.. Numbers(of.Count).Select(BFloat16.FromSingle)]);
            return tensor;
        }
    }

    private static float[] Read(Tensor tensor)
    {
        if (tensor.Type == DType.Float32)
            return tensor.ToArray();
        var stored = new BFloat16[tensor.Count];
        tensor.Download<BFloat16>(stored);
        return [.. stored.Select(BFloat16.ToSingle)];
    }
}
