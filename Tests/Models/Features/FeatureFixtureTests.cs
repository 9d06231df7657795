using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>What verify says of a fixture that float64 loops made: all agrees, and a spoilt number fails its own row.</summary>
public class FeatureFixtureTests
{
    private static readonly Lazy<Dictionary<string, (long[] Shape, float[] Values)>> Results = new(Compute);
    private static readonly ReferenceInception Network = new(16, seed: 7);
    private static readonly byte[] Bytes = FeatureWeights.Pictures(2, 16, 20, seed: 2), Small = FeatureWeights.Pictures(1, 13, 17, seed: 3);

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Every_block_and_feature_agrees(string device)
    {
        using TemporaryFolder folder = new();
        string path = Save(folder, null);
        IReadOnlyList<FixtureError> errors = FeatureFixture.Run(path, TestDevices.Get(device));
        Assert.True(FeatureFixture.Recognises(path));
        Assert.Equal(Results.Value.Keys.Order(StringComparer.Ordinal), errors.Select(error => error.Name).Order(StringComparer.Ordinal));
        Assert.All(errors, error => Assert.True(error.Passes && error.Allowed <= 2e-5, $"{error}"));
    }

    [Theory]
    [InlineData("pool.tf1")]
    [InlineData("block.Mixed_6d.corner")]
    [InlineData("resize.half_pixel")]
    public void A_spoilt_number_fails_its_row_and_no_other(string spoilt)
    {
        using TemporaryFolder folder = new();
        Assert.Equal([spoilt], FeatureFixture.Run(Save(folder, spoilt), TestDevices.Get("cpu")).Where(error => !error.Passes).Select(error => error.Name));
    }

    [Fact]
    public void A_result_of_another_length_is_refused()
    {
        using TemporaryFolder folder = new();
        string path = Save(folder, null, "logits.tf1");
        Assert.Contains("no tensor 'logits.tf1'", Assert.Throws<InvalidFileException>(() => FeatureFixture.Run(path, TestDevices.Get("cpu"))).Reason, StringComparison.Ordinal);
    }

    private static string Save(TemporaryFolder folder, string? spoilt, string? missing = null)
    {
        var writer = new SafetensorsWriter();
        Network.Weights.Write(writer, "param.");
        foreach ((string name, (long[] shape, float[] values)) in Results.Value.Where(each => each.Key != missing))
        {
            float[] copy = [.. values];
            if (name == spoilt)
                copy[^1] += 0.01f * copy.Max(Math.Abs);
            writer.Add(name, shape, (ReadOnlyMemory<float>)copy);
        }

        writer.Add("resize.rows", [3], (ReadOnlyMemory<int>)new[] { 0, 150, 298 });
        writer.Add("resize.cols", [2], (ReadOnlyMemory<int>)new[] { 9, 290 });
        writer.Add("images", SafetensorsType.U8, [2, 16, 20, 3], stream => stream.Write(Bytes));
        writer.Add("small.image", SafetensorsType.U8, [1, 13, 17, 3], stream => stream.Write(Small));
        writer.Save(folder.File("fixture.safetensors"));
        return folder.File("fixture.safetensors");
    }

    private static Dictionary<string, (long[] Shape, float[] Values)> Compute()
    {
        Dictionary<string, (long[], float[])> results = new(StringComparer.Ordinal);
        foreach ((string name, bool half) in ((string, bool)[])[("tf1", false), ("half_pixel", true)])
        {
            double[] small = ResizeReference.Apply(Array.ConvertAll(Small, value => (double)value), 1, ResizeReference.Bilinear(13, 5, half), ResizeReference.Bilinear(17, 7, half), 3);
            Add($"small.{name}", [1, 3, 5, 7], Planes(small, new Shape(1, 5, 7, 3), [.. Enumerable.Range(0, 5)], [.. Enumerable.Range(0, 7)]));
            double[] input = ResizeReference.Apply(
                Array.ConvertAll(Bytes, value => half ? value / 127.5 - 1 : (value - 128) / 128.0), 2, ResizeReference.Bilinear(16, 299, half), ResizeReference.Bilinear(20, 299, half), 3);
            Add($"resize.{name}", [2, 3, 3, 2], Planes(input, new Shape(2, 299, 299, 3), [0, 150, 298], [9, 290]));
            (double[] pool, double[] logits, double[] spatial) = Network.Compute(Bytes, new Shape(2, 16, 20, 3), new InceptionMistakes { HalfPixel = half, CentredAt127 = half });
            double[] bias = Network.Weights["fc.bias"];
            Add($"pool.{name}", [2, 128], pool);
            Add($"logits_unbiased.{name}", [2, 63], logits);
            Add($"logits.{name}", [2, 63], [.. logits.Select((value, i) => value + bias[i % 63])]);
            if (half)
                continue;
            Add("spatial.tf1", [2, 2023], spatial);
            foreach ((string block, (double[] values, Shape shape)) in Network.Outputs)
            {
                double[][] channels = [.. Enumerable.Range(0, 2 * shape.C).Select(i => Enumerable.Range(0, shape.H * shape.W).Select(p => values[(i / shape.C * shape.H * shape.W + p) * shape.C + i % shape.C]).ToArray())];
                Add($"block.{block}.mean", [2, shape.C], [.. channels.Select(each => each.Average())]);
                Add($"block.{block}.std", [2, shape.C], [.. channels.Select(each => Math.Sqrt(Variance(each)))]);
                Add($"block.{block}.corner", [shape.C, 3, 3], Planes(values, shape, [0, 1, 2], [0, 1, 2])[..(9 * shape.C)]);
            }
        }

        return results;

        void Add(string name, long[] shape, double[] values) => results.Add(name, (shape, Array.ConvertAll(values, value => (float)value)));
    }

    private static double Variance(double[] values)
    {
        double mean = values.Average();
        return values.Average(value => (value - mean) * (value - mean));
    }

    private static double[] Planes(double[] values, Shape shape, int[] lines, int[] columns) =>
    [
        .. from n in Enumerable.Range(0, shape.N)
           from c in Enumerable.Range(0, shape.C)
           from line in lines
           from column in columns
           select values[((n * shape.H + line) * shape.W + column) * shape.C + c],
    ];
}
