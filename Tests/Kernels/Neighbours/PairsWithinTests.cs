using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class PairsWithinTests
{
    /// <summary>Every pair within either bound is listed once, and no other; a second run writes the list anew.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Lists_the_pairs_within_either_bound(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        const int rows = 5, columns = 7;
        var random = new Random(1);
        float[] a = [.. Enumerable.Range(0, rows * 3).Select(_ => random.Next(9) - 4f)], b = [.. Enumerable.Range(0, columns * 3).Select(_ => random.Next(9) - 4f)];
        float[] ofX = [.. Enumerable.Range(0, rows).Select(i => Dot(a, i, a, i)), 20, 0, float.NegativeInfinity, 40, 9];
        float[] ofY = [.. Enumerable.Range(0, columns).Select(j => Dot(b, j, b, j)), 12, 30, 0, -1, 25, 8, 16];
        float[] products = [.. Enumerable.Range(0, rows * columns).Select(pair => Dot(a, pair / columns, b, pair % columns))];
        ofX[4] = float.PositiveInfinity; // fills up a tile
        using Tensor p = device.CreateTensor(new Shape(rows, columns), products), x = device.CreateTensor(new Shape(2, rows), ofX), y = device.CreateTensor(new Shape(2, columns), ofY);
        using var program = new ComputeProgram(device) { Checked = true };
        using Tensor list = device.CreateTensor(new Shape(1 + rows * columns), DType.Int32);
        PairsWithin.Apply(program, p, x, y, 0, list);
        int[] expected = [.. Enumerable.Range(0, rows * columns).Where(pair => Least(pair, 0) <= Math.Max(ofX[rows + pair / columns], ofY[columns + pair % columns]))];
        Assert.InRange(expected.Length, 5, 25);
        for (int run = 0; run < 2; run++)
        {
            program.Run();
            Assert.Equal(expected, Pairs(list));
        }

        double Least(int pair, double error) => (ofX[pair / columns] + (double)ofY[pair % columns]) * (1 - error) - 2.0 * products[pair];
    }

    /// <summary>An error of 1/4 lists what is farther by a quarter of the squares; beyond the capacity only the number goes on.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void The_error_widens_the_bound_and_the_capacity_is_kept(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using Tensor p = device.CreateTensor(new Shape(1, 4), [0f, 0, 0, 0]), x = device.CreateTensor(new Shape(2, 1), [4f, 6]), y = device.CreateTensor(new Shape(2, 4), [1f, 4, 5, 0, 0, 0, 0, 0]);
        Assert.Equal([0, 3], Listed(0, 4));
        Assert.Equal([0, 1, 3], Listed(0.25f, 4));
        using var program = new ComputeProgram(device);
        using Tensor list = device.CreateTensor(new Shape(3), DType.Int32);
        PairsWithin.Apply(program, p, x, y, 0.25f, list);
        program.Run();
        int[] found = new int[3];
        list.Download<int>(found);
        Assert.Equal(3, found[0]);
        Assert.All(found[1..], pair => Assert.Contains(pair, new[] { 0, 1, 3 }));

        int[] Listed(float error, int capacity)
        {
            using var own = new ComputeProgram(device) { Checked = true };
            using Tensor pairs = device.CreateTensor(new Shape(1 + capacity), DType.Int32);
            PairsWithin.Apply(own, p, x, y, error, pairs);
            own.Run();
            return Pairs(pairs);
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        ComputeDevice cpu = TestDevices.Get("cpu");
        using Tensor p = cpu.CreateTensor(new Shape(2, 3)), x = cpu.CreateTensor(new Shape(2, 2)), y = cpu.CreateTensor(new Shape(2, 3));
        using var program = new ComputeProgram(cpu);
        using Tensor list = cpu.CreateTensor(new Shape(4), DType.Int32), none = cpu.CreateTensor(new Shape(1), DType.Int32), floats = cpu.CreateTensor(new Shape(4));
        foreach ((Tensor first, float error, Tensor into) in ((Tensor, float, Tensor)[])[(y, 0f, list), (x, 1f, list), (x, float.NaN, list), (x, 0f, none), (x, 0f, floats)])
            Assert.Contains("pairs-within", Assert.Throws<ArgumentException>(() => PairsWithin.Apply(program, p, first, y, error, into)).Message, StringComparison.Ordinal);
    }

    private static int[] Pairs(Tensor list)
    {
        int[] found = new int[list.Count];
        list.Download<int>(found);
        return [.. found[1..(1 + found[0])].Order()];
    }

    private static float Dot(float[] a, int i, float[] b, int j) => Enumerable.Range(0, 3).Sum(k => a[3 * i + k] * b[3 * j + k]);
}
