using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class AlgebraTests
{
    /// <summary>Odd extents, more than one block of every kind, and both orders of storage.</summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(7, 5, 3)]
    [InlineData(97, 130, 131)]
    [InlineData(200, 17, 259)]
    public void A_product_is_the_sum_over_k(int rows, int columns, int depth)
    {
        double[,] a = Random(rows, depth, 1), b = Random(depth, columns, 2), c = Random(rows, columns, 3), expected = SlowAlgebra.Multiply(a, b);
        foreach (bool transposed in new[] { false, true })
        {
            double[] result = SlowAlgebra.Flat(c);
            MatrixView<double> left = transposed ? View(SlowAlgebra.Transpose(a)).Transposed : View(a), right = transposed ? View(SlowAlgebra.Transpose(b)).Transposed : View(b);
            MatrixProduct.Add(-2, left, right, MatrixView<double>.Of(result, rows, columns));
            Assert.All(Enumerable.Range(0, rows * columns), i =>
                Assert.Equal(c[i / columns, i % columns] - 2 * expected[i / columns, i % columns], result[i], 1e-12));
        }
    }

    [Fact]
    public void Products_of_float_keep_to_their_bound()
    {
        const int rows = 19, columns = 37, depth = 700;
        float[] a = [.. Random(rows, depth, 1).Cast<double>().Select(x => (float)x)], b = [.. Random(columns, depth, 2).Cast<double>().Select(x => (float)x + 1)];
        float[] c = new float[rows * columns];
        MatrixProduct.Add(1f, MatrixView<float>.Of(a, rows, depth), MatrixView<float>.Of(b, columns, depth).Transposed, MatrixView<float>.Of(c, rows, columns));
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
            {
                double sum = 0, aa = 0, bb = 0;
                for (int k = 0; k < depth; k++)
                {
                    sum += (double)a[i * depth + k] * b[j * depth + k];
                    aa += (double)a[i * depth + k] * a[i * depth + k];
                    bb += (double)b[j * depth + k] * b[j * depth + k];
                }

                double error = Math.Abs(c[i * columns + j] - sum), allowed = DistanceStrips.ErrorOfProducts(depth) * Math.Sqrt(aa * bb);
                Assert.True(error <= allowed, $"{error} of {allowed}");
            }
    }

    [Fact]
    public void The_lower_triangle_alone_is_the_same_and_can_be_mirrored()
    {
        const int size = 211;
        double[,] a = Random(size, 40, 1);
        double[] whole = new double[size * size], half = new double[size * size];
        MatrixProduct.Add(1, View(a), View(a).Transposed, MatrixView<double>.Of(whole, size, size));
        MatrixProduct.Add(1, View(a), View(a).Transposed, MatrixView<double>.Of(half, size, size), lowerOnly: true);
        MatrixProduct.Mirror(half, size);
        Assert.Equal(whole, half);
    }

    [Fact]
    public void A_block_of_a_matrix_is_written_in_place()
    {
        double[] target = [.. Enumerable.Repeat(1.0, 100)];
        MatrixProduct.Add(1, View(new double[,] { { 2 }, { 3 } }), View(new double[,] { { 5, 7, 11 } }), MatrixView<double>.Of(target, 10, 10).Block(4, 2, 6, 3));
        Assert.Equal(100 - 6 + (1 + 10) + (1 + 14) + (1 + 22) + (1 + 15) + (1 + 21) + (1 + 33), target.Sum());
        Assert.Equal((11, 23, 16, 34), (target[46], target[48], target[56], target[58]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(100)]
    public void Eigenvalues_are_those_of_Jacobi(int size)
    {
        double[,] a = Random(size, size, 5);
        for (int i = 0; i < size; i++)
            for (int j = 0; j < i; j++)
                a[j, i] = a[i, j];
        double[] expected = [.. SlowAlgebra.Eigen(a).Values.Order()], found = SymmetricEigenvalues.Of(SlowAlgebra.Flat(a), size);
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-12));
    }

    /// <summary>Above 256 rows several threads multiply; the trace of A and of A A are sums of powers of the eigenvalues.</summary>
    [Fact]
    public void Eigenvalues_of_a_larger_matrix_have_its_traces()
    {
        const int size = 401;
        double[,] a = Random(size, size, 6);
        for (int i = 0; i < size; i++)
            for (int j = 0; j < i; j++)
                a[j, i] = a[i, j];
        double[] found = SymmetricEigenvalues.Of(SlowAlgebra.Flat(a), size), again = SymmetricEigenvalues.Of(SlowAlgebra.Flat(a), size);
        Assert.Equal(Enumerable.Range(0, size).Sum(i => a[i, i]), found.Sum(), 1e-10);
        Assert.Equal(a.Cast<double>().Sum(value => value * value), found.Sum(value => value * value), 1e-8);
        Assert.Equal(found, again);
    }

    [Fact]
    public void Multiple_zero_and_tiny_eigenvalues_are_found()
    {
        Assert.Equal([0.0, 0, 0], SymmetricEigenvalues.Of(new double[9], 3));
        Assert.Equal([-1.0, 2, 2], SymmetricEigenvalues.Of([2, 0, 0, 0, -1, 0, 0, 0, 2], 3));
        double[] values = [.. Enumerable.Range(0, 40).Select(i => i < 10 ? 0 : i < 20 ? 1 : Math.Pow(10, -i / 4.0))];
        double[] found = SymmetricEigenvalues.Of(SlowAlgebra.Flat(SlowAlgebra.WithEigenvalues(values, 7)), 40);
        Assert.All(values.Order().Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
        Assert.Throws<ArgumentException>(() => SymmetricEigenvalues.Of([1, double.NaN, double.NaN, 1], 2));
    }

    /// <summary>D H D with a tame H and a steep diagonal D: rounding relative to the largest eigenvalue would leave no digit of the smallest.</summary>
    [Fact]
    public void Small_eigenvalues_of_a_graded_matrix_are_accurate()
    {
        const int size = 24;
        var a = new double[size, size];
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++)
                a[i, j] = (i == j ? 1 : 0.3 / (1 + Math.Abs(i - j))) * Math.Pow(10, -(i + j));
        double[] expected = [.. SlowAlgebra.Eigen(a).Values.Order()], found = SymmetricEigenvalues.Of(SlowAlgebra.Flat(a), size);
        Assert.InRange(expected[0], 1e-47, 1e-45);
        Assert.All(expected.Zip(found), pair => Assert.Equal(1, pair.Second / pair.First, 1e-10));
    }

    [Theory]
    [InlineData(90, 90)]
    [InlineData(90, 29)]
    [InlineData(200, 150)]
    [InlineData(3, 0)]
    public void A_factor_ends_at_the_rank_and_gives_the_matrix_back(int size, int rank)
    {
        double[,] a = Random(size, Math.Max(1, rank), 8), s = SlowAlgebra.Multiply(a, SlowAlgebra.Transpose(a));
        if (rank == 0)
            s = new double[size, size];
        (double[] factor, int found) = PivotedCholesky.Factor(SlowAlgebra.Flat(s), size);
        Assert.Equal(rank, found);
        Assert.Equal(rank * size, factor.Length);
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++)
                Assert.Equal(s[i, j], Enumerable.Range(0, rank).Sum(k => factor[k * size + i] * factor[k * size + j]), 1e-12);
    }

    private static MatrixView<double> View(double[,] a) => MatrixView<double>.Of(SlowAlgebra.Flat(a), a.GetLength(0), a.GetLength(1));

    private static double[,] Random(int rows, int columns, int seed)
    {
        var random = new Random(seed);
        var a = new double[rows, columns];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                a[i, j] = random.NextDouble() - 0.5;
        return a;
    }
}
