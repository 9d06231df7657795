using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class LatentSpaceTests
{
    private static readonly DdpmppConfig Network = SamplerNetwork.Plain with { ImageChannels = 2 };

    [Fact]
    public void Values_go_there_and_back_and_pixels_are_truncated()
    {
        LatentSpace edm = LatentConventions.Get("edm2"), scm = LatentConventions.Get("scm");
        Assert.Equal((10 - 5.81) * 0.5 / 4.17, edm.ToModel(10, 0), 1e-6);
        Assert.Equal((10 + 2.15) * 0.5 / 3.28, edm.ToModel(10, 3), 1e-6);
        for (int channel = 0; channel < 4; channel++)
            Assert.Equal(-3.25f, scm.ToRaw(scm.ToModel(-3.25f, channel), channel), 1e-5f);
        Assert.Equal([0, 0, 127, 254, 255, 255, 0], new[] { -5, 0, 0.5f, 0.9999f, 1, 7, float.NaN }.Select(edm.ToPixel));
        Assert.Equal([0, 0, 127, 191, 255, 255, 0], new[] { -5, -1, 0, 0.5f, 1, 7, float.NaN }.Select(scm.ToPixel));
        Assert.Equal(("edm2", "scm"), (LatentConventions.NameOf(edm), LatentConventions.NameOf(new LatentSpace(scm.Mean, scm.Deviation, scm.Low, scm.High))));
        Assert.Null(LatentConventions.NameOf(new LatentSpace(scm.Mean, scm.Deviation, 0, 1)));
        Assert.Equal("mean [0.5], deviation [2], range 0 to 1", new LatentSpace([0.5f], [2], 0, 1).ToString());
    }

    [Fact]
    public void Impossible_spaces_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new LatentSpace([], [], 0, 1));
        Assert.Throws<ArgumentException>(() => new LatentSpace([1], [1, 2], 0, 1));
        Assert.Throws<ArgumentException>(() => new LatentSpace([float.NaN], [1], 0, 1));
        Assert.Throws<ArgumentException>(() => new LatentSpace([1], [0], 0, 1));
        Assert.Throws<ArgumentException>(() => new LatentSpace([1], [1], 1, 1));
        Assert.Throws<ArgumentException>(() => LatentConventions.Add("edm2", LatentConventions.Get("scm")));
    }

    [Theory]
    [InlineData("[1, 2]", "[3, 4]", "[0, 1]", null)]
    [InlineData("[1, 2]", null, "[0, 1]", "its metadata has no 'latent_std' beside latent_mean and latent_range")]
    [InlineData("[1, 2]", "[3, 4]", "[0, 1, 2]", "latent_range has 3 numbers")]
    [InlineData("[1, 2]", "[3]", "[0, 1]", "2 means and 1 deviations")]
    [InlineData("[1]", "[3]", "[0, 1]", "latent_mean is of 1 channels, but the network's latents have 2")]
    [InlineData("[1, 2]", "[3, -4]", "[0, 1]", "a deviation that is not")]
    [InlineData("[1, 1e39]", "[3, 4]", "[0, 1]", "a mean that is not")]
    [InlineData("[1, 2]", "[3, 4]", "[1, 0]", "the range 1 to 0")]
    [InlineData("1, 2", "[3, 4]", "[0, 1]", "latent_mean is not a JSON array of numbers")]
    [InlineData("null", "[3, 4]", "[0, 1]", "latent_mean is not a JSON array of numbers")]
    public void Metadata_is_read_back_or_refused(string? mean, string? deviation, string? range, string? reason)
    {
        using var temp = new TemporaryFolder();
        INetwork network = Network.Build();
        using var model = new TrigFlowModel(network, network.CreateSlab(TestDevices.Get("cpu")), 0.5f) { Latents = new LatentSpace([1, 2], [3, 4], 0, 1) };
        model.Save(temp.File("whole.safetensors"));
        var writer = new SafetensorsWriter();
        using (SafetensorsFile file = SafetensorsFile.Open(temp.File("whole.safetensors")))
        {
            Assert.Equal(("[1, 2]", "[3, 4]", "[0, 1]"), (file.Metadata["latent_mean"], file.Metadata["latent_std"], file.Metadata["latent_range"]));
            var metadata = file.Metadata.Where(each => !each.Key.StartsWith("latent_", StringComparison.Ordinal) && !each.Key.Contains("checksum", StringComparison.OrdinalIgnoreCase))
                .Concat(new[] { ("latent_mean", mean), ("latent_std", deviation), ("latent_range", range) }.Where(each => each.Item2 is not null).Select(each => KeyValuePair.Create(each.Item1, each.Item2!)));
            foreach ((string key, string value) in metadata)
                writer.SetMetadata(key, value);
            foreach (SafetensorsEntry entry in file.Entries)
            {
                byte[] bytes = file.ReadBytes(entry.Name);
                writer.Add(entry.Name, entry.Type, entry.Shape.AsSpan(), stream => stream.Write(bytes));
            }
        }

        string path = temp.File("changed.safetensors");
        writer.Save(path);
        if (reason is null)
        {
            Assert.Equal(model.Latents, WeightFile.ReadDescription(path).Description.Latents);
            return;
        }

        string said = Assert.Throws<InvalidFileException>(() => WeightFile.ReadDescription(path)).Message;
        Assert.Contains(reason, said, StringComparison.Ordinal);
        Assert.StartsWith(path, said, StringComparison.Ordinal);
    }
}
