using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class CastTests
{
    /// <summary>Counts that are multiples of eight and ones that are not; channels kept, gained and lost; each of the four pairs of types.</summary>
    public static IEnumerable<TheoryDataRow<string, OpCase>> Cases => TestDevices.Cross(
        ["cpu", "simulator", "cuda"],
        new[]
        {
            ToBf16(new Shape(2, 3, 8), 8), ToBf16(new Shape(1, 37), 37), ToBf16(new Shape(1, 2, 3, 3), 8), ToBf16(new Shape(2, 3, 16), 5),
            Case(new Shape(2, 3, 3), DType.Float32, 8), Case(new Shape(2, 3, 8), DType.Float32, 3),
        });

    public static IEnumerable<TheoryDataRow<string, OpCase>> FromBf16Cases => TestDevices.Cross(
        ["simulator", "cuda"],
        new[]
        {
            FromBf16(new Shape(2, 3, 8), DType.Float32, 8), FromBf16(new Shape(1, 37), DType.Float32, 37),
            FromBf16(new Shape(1, 2, 3, 8), DType.Float32, 3), FromBf16(new Shape(2, 3, 5), DType.Float32, 8),
            FromBf16(new Shape(2, 3, 3), DType.BFloat16, 8), FromBf16(new Shape(1, 2, 8), DType.BFloat16, 7),
        });

    /// <summary>Value and nearest bf16 value: exact ones, ties to even both ways, beyond a tie, subnormals, the largest and above.</summary>
    private static readonly (float Value, float Rounded)[] Roundings =
    [
        (0f, 0f), (-0f, -0f), (1f, 1f), (-3.140625f, -3.140625f),
        (1f + float.Pow(2, -8), 1f), (1f + 3 * float.Pow(2, -8), 1f + float.Pow(2, -6)),
        (1f + float.Pow(2, -8) + float.Pow(2, -23), 1f + float.Pow(2, -7)), (-1f - 3 * float.Pow(2, -8), -1f - float.Pow(2, -6)),
        (float.PositiveInfinity, float.PositiveInfinity), (float.NegativeInfinity, float.NegativeInfinity), (float.MaxValue, float.PositiveInfinity),
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string device, OpCase op) => OpBattery.Check(device, op);

    [Theory]
    [MemberData(nameof(FromBf16Cases))]
    public void Agrees_with_float64_from_bf16(string device, OpCase op) => OpBattery.Check(device, op);

    /// <summary>In elements and, with 16 of each, in packs.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Rounds_to_nearest_even_and_keeps_what_is_no_number(string device)
    {
        foreach (int copies in new[] { 1, 16 })
        {
            float[] values = [.. Roundings.SelectMany(pair => Enumerable.Repeat(pair.Value, copies))];
            float[] expected = [.. Roundings.SelectMany(pair => Enumerable.Repeat(pair.Rounded, copies))];
            Assert.Equal(expected.Select(BitConverter.SingleToUInt32Bits), ThereAndBack(device, values).Select(BitConverter.SingleToUInt32Bits));
            float[] none = [.. new[] { 0x7FFFFFFFu, 0xFFFFFFFFu, 0x7FC00000u, 0xFFC00001u }.SelectMany(bits => Enumerable.Repeat(BitConverter.UInt32BitsToSingle(bits), copies))];
            Assert.All(ThereAndBack(device, none), value => Assert.True(float.IsNaN(value)));
        }
    }

    /// <summary>A matrix over one of other extents, or added to it: with all pairs of types, rows and columns gained and lost.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Rows_and_columns_are_padded_or_dropped(string device)
    {
        foreach ((DType from, DType to) in from a in new[] { DType.Float32, DType.BFloat16 } from b in new[] { DType.Float32, DType.BFloat16 } select (a, b))
            foreach ((Shape source, Shape target) in ((Shape, Shape)[])[(new(3, 5), new(4, 8)), (new(4, 8), new(3, 5)), (new(2, 2, 8), new(4, 8)), (new(2, 9), new(5, 3))])
                foreach (bool add in new[] { false, true })
                {
                    float[] values = [.. Enumerable.Range(0, (int)source.Count).Select(i => i + 1f)], there = [.. Enumerable.Range(0, (int)target.Count).Select(i => 100f - i)];
                    IEnumerable<float> expected = Enumerable.Range(0, (int)target.Count).Select(i =>
                        (add ? there[i] : 0) + (i / target.C < source.Count / source.C && i % target.C < source.C ? values[i / target.C * source.C + i % target.C] : 0));
                    Assert.Equal(expected, Over(device, (from, source, values), (to, target, there), add));
                }
    }

    [Fact]
    public void Nothing_to_change_is_the_input_itself()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        using Tensor x = program.Device.CreateTensor(new Shape(2, 3));
        Assert.Same(x, Cast.Apply(program, x, DType.Float32));
        Assert.Same(x, Cast.Apply(program, x, DType.Float32, channels: 3));
        Assert.Empty(program.Steps);
    }

    [Fact]
    public void Refuses_other_types_and_shapes_by_name()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        using Tensor x = program.Device.CreateTensor(new Shape(2, 3)), labels = program.Device.CreateTensor(new Shape(2, 3), DType.Int32);
        using Tensor turned = program.Device.CreateTensor(new Shape(3, 2), DType.BFloat16);
        Refused("cast: from Int32 to BFloat16", () => Cast.Apply(program, labels, DType.BFloat16));
        Refused("cast: from Float32 to Float64", () => Cast.Apply(program, x, DType.Float64));
        Refused("to -1 channels", () => Cast.Apply(program, x, DType.BFloat16, channels: -1));
        Refused("cast: (2, 3) Float32 does not fit (3, 2) BFloat16", () => Cast.Into(program, x, turned));

        static void Refused(string reason, Action act) =>
            Assert.Contains(reason, Assert.Throws<ArgumentException>(act).Message, StringComparison.Ordinal);
    }

    private static float[] Over(string name, (DType Type, Shape Shape, float[] Values) source, (DType Type, Shape Shape, float[] Values) target, bool add)
    {
        using Tensor x = Create(source), y = Create(target);
        using var program = new ComputeProgram(TestDevices.Get(name)) { Checked = true };
        Cast.Into(program, "convert", x, new GradientSlot(y, add));
        program.Run();
        if (target.Type == DType.Float32)
            return y.ToArray();
        var bits = new BFloat16[y.Count];
        y.Download(bits.AsSpan());
        return [.. bits.Select(BFloat16.ToSingle)];

        Tensor Create((DType Type, Shape Shape, float[] Values) tensor)
        {
            Tensor created = TestDevices.Get(name).CreateTensor(tensor.Shape, tensor.Type);
            if (tensor.Type == DType.Float32)
                created.Upload<float>(tensor.Values);
            else
                created.Upload<BFloat16>(Array.ConvertAll(tensor.Values, BFloat16.FromSingle));
            return created;
        }
    }

    private static float[] ThereAndBack(string name, float[] values)
    {
        ComputeDevice device = TestDevices.Get(name);
        using Tensor x = device.CreateTensor(new Shape(values.Length), values), rounded = device.CreateTensor(x.Shape, DType.BFloat16);
        using Tensor back = device.CreateTensor(x.Shape);
        using var program = new ComputeProgram(device);
        Cast.Into(program, x, rounded);
        Cast.Into(program, rounded, back);
        program.Run();
        return back.ToArray();
    }

    /// <summary>The input is fp32, so that its tangent and gradient are; the output and its cotangent are rounded.</summary>
    private static OpCase ToBf16(Shape shape, int channels) => Case(shape, DType.BFloat16, channels) with { Tolerance = 4e-3 };

    private static OpCase FromBf16(Shape shape, DType type, int channels) => Case(shape, type, channels).InBFloat16() with { Tolerance = 4e-3 };

    private static OpCase Case(Shape shape, DType type, int channels) => new(
        $"cast {shape} to {type} of {channels} channels", [shape], (p, x) => Cast.Apply(p, x[0], type, channels), x =>
            [.. Enumerable.Range(0, x[0].Length / shape.C).SelectMany(p =>
                Enumerable.Range(0, channels).Select(c => c < shape.C ? x[0][p * shape.C + c] : 0))]);
}
