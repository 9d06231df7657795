using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The gradient of a bias, which convolutions and linear layers share.</summary>
public class ColumnSumTests
{
    /// <summary>One row, fewer than a thread's eight, more lanes than a group of the simulator has threads; packs of eight columns and single ones.</summary>
    public static TheoryData<string, int, int, DType> Cases
    {
        get
        {
            var data = new TheoryData<string, int, int, DType>();
            foreach (DType type in new[] { DType.Float32, DType.BFloat16 })
                foreach ((int rows, int columns) in new[] { (1, 1), (1, 8), (7, 16), (8, 3), (77, 8), (171, 5), (333, 24) })
                    foreach (TheoryDataRow<string> device in TestDevices.All.Where(row => row.Data != "cpu"))
                        data.Add(new TheoryDataRow<string, int, int, DType>(device.Data, rows, columns, type) { Skip = device.Skip });
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Sums_every_row_once(string device, int rows, int columns, DType type) => Check(device, rows, columns, type);

    /// <summary>As many rows as the widest layers of a training step have, where the number of lanes is bounded.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.Gpu), MemberType = typeof(TestDevices))]
    public void Sums_the_pixels_of_a_batch(string device)
    {
        Check(device, 1 << 18, 256, DType.BFloat16);
        Check(device, (1 << 16) + 13, 768, DType.BFloat16);
        Check(device, (1 << 16) + 13, 12, DType.BFloat16);
        Check(device, (1 << 16) + 13, 36, DType.Float32);
    }

    private static void Check(string name, int rows, int columns, DType type)
    {
        ComputeDevice device = TestDevices.Get(name);
        var random = new Random(5);
        float[] values = [.. Enumerable.Range(0, rows * columns).Select(_ => BFloat16.ToSingle(BFloat16.FromSingle(random.NextSingle() - 0.25f)))];
        double[] expected = new double[columns];
        for (int i = 0; i < values.Length; i++)
            expected[i % columns] += values[i];
        using Tensor dy = device.CreateTensor(new Shape(rows, columns), type), target = device.CreateTensor(new Shape(columns));
        if (type == DType.Float32)
            dy.Upload<float>(values);
        else
            dy.Upload<BFloat16>(Array.ConvertAll(values, BFloat16.FromSingle));

        using var program = new ComputeProgram(device) { Checked = true };
        Emit(program, dy, new GradientSlot(target, false));
        program.Run();
        float[] once = target.ToArray();
        Assert.InRange(OpBattery.RelativeError(expected, once), 0, 2e-6);
        program.Run();
        Assert.Equal(once, target.ToArray());

        using var adding = new ComputeProgram(device) { Checked = true };
        Emit(adding, dy, new GradientSlot(target, true));
        adding.Run();
        Assert.Equal(once.Select(value => 2 * value), target.ToArray());
    }

    private static void Emit(ComputeProgram program, Tensor dy, GradientSlot target)
    {
        Tensor? scratch = ColumnSum.Scratch(program, dy.Shape.N, dy.Shape.C);
        program.Emit(
            "column_sum", [dy, target.ReadTensor], [scratch, target.Tensor],
            _ => throw new NotSupportedException(), gpu => ColumnSum.Gradient(gpu, dy, scratch, target));
    }
}
