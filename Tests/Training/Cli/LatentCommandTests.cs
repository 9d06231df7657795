using System.IO.Compression;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Tests.Models;
using TrigFlowNative.Training.Cli;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>sample and decode make pictures of latents by what the files say of them.</summary>
public sealed class LatentCommandTests : IDisposable
{
    private const int Count = 5, Side = 8;
    private readonly TemporaryFolder temp = new();

    public LatentCommandTests()
    {
        new TestDecoder(4, [64, 32], blocks: 1).Write(temp.File("vae.safetensors"), name => name);
        Save("latent.safetensors", 4, LatentConventions.Get("scm"));
        Save("mute.safetensors", 4, null);
        Save("pixels.safetensors", 3, null);
    }

    [Theory]
    [InlineData("latent.safetensors")]
    [InlineData("mute.safetensors", "--convention", "scm")]
    public void Samples_are_decoded_to_pictures(string model, params string[] further)
    {
        Run(0, ["sample", "--checkpoint", temp.File(model), "--decoder", temp.File("vae.safetensors"), "--out", temp.File("o"), "--count", "5", "--steps", "2", .. further]);
        ByteImages pictures = Npz.Read(temp.File("o/samples.npz"));
        Assert.Equal((Count, 16, 16, 3), (pictures.Count, pictures.Height, pictures.Width, pictures.Channels));
        using LatentDecoder decoder = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get("cpu"));
        Assert.Equal(decoder.DecodeToPixels(Drawn(), Side, Side, LatentConventions.Get("scm")), pictures.Pixels.ToArray());
        Assert.True(File.Exists(temp.File("o/grid.png")));
    }

    [Fact]
    public void Without_a_decoder_samples_are_raw_latents()
    {
        string said = Run(0, "sample", "--checkpoint", temp.File("latent.safetensors"), "--out", temp.File("o"), "--count", "5", "--steps", "2");
        Assert.Contains("holds raw latents", said, StringComparison.Ordinal);
        using ZipArchive archive = ZipFile.OpenRead(temp.File("o/samples.npz"));
        using var bytes = new MemoryStream();
        using (Stream entry = archive.GetEntry("arr_0.npy")!.Open())
            entry.CopyTo(bytes);
        Assert.True(NpyHeader.TryParse(bytes.ToArray(), out string type, out int[] shape, out int start, out _));
        Assert.Equal("<f4", type);
        Assert.Equal([Count, 4, Side, Side], shape);
        float[] raw = MemoryMarshal.Cast<byte, float>(bytes.ToArray().AsSpan(start)).ToArray(), drawn = Drawn();
        LatentSpace space = LatentConventions.Get("scm");
        for (int image = 0, i = 0; image < Count; image++)
            for (int channel = 0; channel < 4; channel++)
                for (int pixel = 0; pixel < Side * Side; pixel++, i++)
                    Assert.Equal(space.ToRaw(drawn[(image * Side * Side + pixel) * 4 + channel], channel), raw[i]);
        Assert.True(File.Exists(temp.File("o/grid.png")));
    }

    [Theory]
    [InlineData("edm2")]
    [InlineData("scm")]
    public void A_data_set_of_latents_is_decoded_by_its_means(string convention)
    {
        string data = TestLatents.Zip(temp, "latents.zip", TestLatents.Entries());
        Run(0, "decode", "--data", data, "--decoder", temp.File("vae.safetensors"), "--count", "18", "--out", temp.File("o"), "--convention", convention);
        Assert.Equal([.. Enumerable.Range(0, 18).Select(i => $"img{i:D8}.png").Prepend("grid.png")], Directory.GetFiles(temp.File("o")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        using LatentDecoder decoder = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get("cpu"));
        using FileStream png = File.OpenRead(temp.File("o/img00000017.png"));
        using var bitmap = SkiaSharp.SKBitmap.Decode(png);
        float[] values = TestLatents.Values(17), raw = new float[256];
        for (int i = 0; i < 256; i++)
            raw[i % 64 * 4 + i / 64] = values[i];
        byte[] expected = Array.ConvertAll(decoder.Decode(raw, Side, Side), LatentConventions.Get(convention).ToPixel);
        Assert.Equal(expected, bitmap.Pixels.SelectMany(pixel => new[] { pixel.Red, pixel.Green, pixel.Blue }));
    }

    [Theory]
    [InlineData("sample --checkpoint {0}/pixels.safetensors --decoder {0}/vae.safetensors --out {0}/o", "--decoder: the model draws pixels by its metadata; if it draws latents, --convention says which")]
    [InlineData("sample --checkpoint {0}/mute.safetensors --out {0}/o", "the model draws images of 4 channels, but pictures have 1 or 3; if they are latents, --convention says which")]
    [InlineData("sample --checkpoint {0}/latent.safetensors --out {0}/o --convention edm2", "--convention: {0}/latent.safetensors is not of the convention edm2: its metadata says the convention scm")]
    [InlineData("sample --checkpoint {0}/pixels.safetensors --out {0}/o --convention edm2", "is not of the convention edm2: the model draws 3 channels, but the convention edm2 has 4")]
    [InlineData("sample --checkpoint {0}/latent.safetensors --decoder {0}/other.safetensors --out {0}/o", "--decoder {0}/other.safetensors: its latents have 8 channels, but those of the convention scm have 4")]
    [InlineData("sample --checkpoint {0}/latent.safetensors --decoder {0}/latent.safetensors --out {0}/o", "latent.safetensors: no tensor 'decoder.conv_in.weight'")]
    [InlineData("evaluate --checkpoint {0}/latent.safetensors --data synthetic", "latent.safetensors is a model of latents, but metrics compare pictures")]
    [InlineData("decode --data {0}/pictures.zip --decoder {0}/vae.safetensors --out {0}/o", "pictures.zip: holds images, not latents in .npy files")]
    [InlineData("decode --data {0}/gone --decoder {0}/vae.safetensors --out {0}/o", "gone: no such file")]
    [InlineData("decode --data {0}/latents.zip --decoder {0}/vae.safetensors --out {0}/o --convention sd3", "--convention sd3: expected one of edm2, scm")]
    public void What_does_not_fit_is_refused_in_one_line(string command, string reason)
    {
        new TestDecoder(8, [64, 32], blocks: 1).Write(temp.File("other.safetensors"), name => name);
        TestLatents.Zip(temp, "latents.zip", TestLatents.Entries());
        TestLatents.Zip(temp, "pictures.zip", [new("a.png", TestPng.Encode(new byte[192], 8, 8, 3))]);
        string said = Run(2, command.Replace("{0}", temp.Path, StringComparison.Ordinal).Split(' '));
        string line = Assert.Single(said.Split('\n', StringSplitOptions.RemoveEmptyEntries), text => !text.StartsWith("device:", StringComparison.Ordinal));
        Assert.Contains(reason.Replace("{0}", temp.Path, StringComparison.Ordinal), line, StringComparison.Ordinal);
        Assert.False(Directory.Exists(temp.File("o")));
    }

    public void Dispose() => temp.Dispose();

    private void Save(string name, int channels, LatentSpace? space)
    {
        INetwork network = (SamplerNetwork.Plain with { Resolution = Side, ImageChannels = channels }).Build();
        ParameterSlab weights = network.CreateSlab(TestDevices.Get("cpu"));
        network.Initialise(weights, seed: 4);
        using var model = new TrigFlowModel(network, weights, 0.5f) { Latents = space };
        model.Save(temp.File(name));
    }

    private float[] Drawn()
    {
        using TrigFlowModel model = TrigFlowModel.Load(temp.File("latent.safetensors"), TestDevices.Get("cpu"));
        using ImageSampler sampler = ModelSampling.Create(model, 2, 1, Count);
        return sampler.Sample(Count, seed: 0);
    }

    private static string Run(int expected, params string[] arguments)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run([.. arguments, "--device", "cpu"]);
        Assert.True(outcome.ExitCode == expected, outcome.ToString());
        return outcome.Errors;
    }
}
