using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>What verify says of a fixture of a small DINOv2 with two heads, which float64 loops made.</summary>
public class DinoFixtureTests
{
    private const int Height = 40, PictureWidth = 30;
    private static readonly int[] Places = [0, 1, 17, 256];
    private static readonly ReferenceDino Network = new(seed: 9, heads: 2);
    private static readonly byte[] Bytes = FeatureWeights.Pictures(1, Height, PictureWidth, seed: 1), Large = FeatureWeights.Pictures(1, 23, 19, seed: 2);

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Positions_tokens_and_features_agree(string device)
    {
        using TemporaryFolder folder = new();
        IReadOnlyList<FixtureError> errors = FeatureFixture.Run(Save(folder, null), TestDevices.Get(device));
        Assert.Equal(["bicubic.down", "dino.pos_embed.16", "dino.embedded", "dino.block0", "dino.features"], errors.Select(error => error.Name));
        Assert.All(errors, error => Assert.True(error.Passes && error.Allowed <= 2e-5, $"{error}"));
    }

    [Theory]
    [InlineData("dino.block0")]
    [InlineData("bicubic.down")]
    public void A_spoilt_number_fails_its_row_and_no_other(string spoilt)
    {
        using TemporaryFolder folder = new();
        Assert.Equal([spoilt], FeatureFixture.Run(Save(folder, spoilt), TestDevices.Get("cpu")).Where(error => !error.Passes).Select(error => error.Name));
    }

    [Theory]
    [InlineData("dino.tokens", new[] { 0, 1, 17, 257 }, "has a place beyond 0 to 256")]
    [InlineData("dino.tokens", new[] { 0, 1, 17 }, "has 256 elements, expected 192")]
    public void Places_that_do_not_fit_are_refused(string name, int[] places, string reason)
    {
        using TemporaryFolder folder = new();
        string path = Save(folder, null, (name, places));
        Assert.Contains(reason, Assert.Throws<InvalidFileException>(() => FeatureFixture.Run(path, TestDevices.Get("cpu"))).Reason, StringComparison.Ordinal);
    }

    private static string Save(TemporaryFolder folder, string? spoilt, (string Name, int[] Places)? other = null)
    {
        var writer = new SafetensorsWriter();
        Network.Weights.Write(writer, "dino.param.");
        double[] features = Network.Compute(Bytes, Height, PictureWidth, new DinoMistakes());
        (double[] positions, List<double[]> tokens) = Network.Steps;
        double[] small = ResizeReference.Apply(Array.ConvertAll(Large, value => (double)value), 1, ResizeReference.Antialiased(23, 7), ResizeReference.Antialiased(19, 5), 3);
        Add("bicubic.down", [1, 3, 7, 5], [.. from c in Enumerable.Range(0, 3) from p in Enumerable.Range(0, 35) select small[p * 3 + c]]);
        Add("dino.pos_embed.16", [1, 257, ReferenceDino.Width], positions);
        Add("dino.embedded", [1, Places.Length, ReferenceDino.Width], Rows(tokens[0]));
        Add("dino.block0", [1, Places.Length, ReferenceDino.Width], Rows(tokens[1]));
        Add("dino.features", [1, ReferenceDino.Width], features);
        int[] places = other?.Places ?? Places;
        writer.Add("dino.tokens", [places.Length], (ReadOnlyMemory<int>)places);
        writer.Add("dino.images", SafetensorsType.U8, [1, Height, PictureWidth, 3], stream => stream.Write(Bytes));
        writer.Add("bicubic.down.image", SafetensorsType.U8, [1, 23, 19, 3], stream => stream.Write(Large));
        writer.Save(folder.File("fixture.safetensors"));
        return folder.File("fixture.safetensors");

        void Add(string name, long[] shape, double[] values)
        {
            float[] stored = Array.ConvertAll(values, value => (float)value);
            if (name == spoilt)
                stored[^1] += 0.01f * stored.Max(Math.Abs);
            writer.Add(name, shape, (ReadOnlyMemory<float>)stored);
        }
    }

    private static double[] Rows(double[] tokens) => [.. Places.SelectMany(place => tokens.AsSpan(place * ReferenceDino.Width, ReferenceDino.Width).ToArray())];
}
