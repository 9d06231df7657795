using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>The decoder against a float64 implementation, from every layout of files.</summary>
public sealed class LatentDecoderTests : IDisposable
{
    private static readonly TestDecoder Small = new(4, [64, 32], blocks: 2);
    private readonly TemporaryFolder temp = new();

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Pictures_are_those_of_float64(string device)
    {
        Small.Write(temp.File("vae.safetensors"), name => name);
        float[] latents = Latents(2, 3, 5, 4);
        using LatentDecoder decoder = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get(device), Precision.Fp32);
        Assert.Equal((4, 2), (decoder.Channels, decoder.Scale));
        float[] pictures = decoder.Decode(latents, 3, 5);
        Near(Reference(Small, latents, 3, 5, 4), pictures, 1e-5);

        // Fewer images than the batch, and the same ones alone.
        Near(Reference(Small, latents, 3, 5, 4), [.. decoder.Decode(latents.AsSpan(0, 60), 3, 5), .. decoder.Decode(latents.AsSpan(60), 3, 5)], 1e-5);
    }

    /// <summary>All levels of the Stable Diffusion VAE at an eighth of its width, from a latent that is not square; and the width of its attention.</summary>
    [Theory]
    [InlineData(3, 8, new[] { 64, 64, 32, 32 })]
    [InlineData(1, 2, new[] { 512, 32 })]
    public void Its_depth_and_its_width_agree_too(int blocks, int scale, int[] widths)
    {
        TestDecoder decoder = new(4, widths, blocks);
        decoder.Write(temp.File("vae.safetensors"), name => name);
        using LatentDecoder loaded = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get("cpu"));
        float[] latents = Latents(1, 4, 8, 4);
        Assert.Equal(scale, loaded.Scale);
        Near(Reference(decoder, latents, 4, 8, 4), loaded.Decode(latents, 4, 8), 2e-5);
    }

    public static IEnumerable<TheoryDataRow<string, double>> Rounded => TestDevices.Cross(["simulator", "cuda"], [0.03]);

    [Theory]
    [MemberData(nameof(Rounded))]
    public void In_bf16_pictures_differ_by_its_rounding(string device, double allowed)
    {
        Small.Write(temp.File("vae.safetensors"), name => name);
        float[] latents = Latents(1, 4, 4, 4);
        using LatentDecoder decoder = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get(device), Precision.Bf16);
        Near(Reference(Small, latents, 4, 4, 4), decoder.Decode(latents, 4, 4), allowed);
    }

    [Theory]
    [InlineData("diffusers", SafetensorsType.F32)]
    [InlineData("diffusers", SafetensorsType.F16)]
    [InlineData("older", SafetensorsType.F32)]
    [InlineData("pipeline", SafetensorsType.F32)]
    [InlineData("compvis", SafetensorsType.F16)]
    [InlineData("checkpoint", SafetensorsType.F32)]
    public void Every_layout_gives_the_same_picture(string layout, SafetensorsType type)
    {
        string[] more = layout switch
        {
            "diffusers" or "older" => ["encoder.conv_in.weight", "quant_conv.bias"],
            "compvis" => ["encoder.conv_in.weight", "loss.logvar"],
            "checkpoint" => ["model.diffusion_model.out.2.bias", "first_stage_model.encoder.conv_in.bias", "cond_stage_model.x"],
            _ => ["unet.conv_in.weight"],
        };
        Small.Write(temp.File("plain.safetensors"), name => name);
        Small.Write(temp.File("other.safetensors"), Named(layout), type, layout is "compvis" or "checkpoint", more);
        float[] latents = Latents(1, 4, 4, 4);
        using LatentDecoder plain = LatentDecoder.Load(temp.File("plain.safetensors"), TestDevices.Get("cpu"));
        using LatentDecoder other = LatentDecoder.Load(temp.File("other.safetensors"), TestDevices.Get("cpu"));
        Assert.Equal(plain.Decode(latents, 4, 4), other.Decode(latents, 4, 4));
    }

    [Fact]
    public void A_file_of_bf16_is_near()
    {
        Small.Write(temp.File("vae.safetensors"), name => name, SafetensorsType.BF16);
        float[] latents = Latents(1, 4, 4, 4);
        using LatentDecoder decoder = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get("cpu"));
        Near(Reference(Small, latents, 4, 4, 4), decoder.Decode(latents, 4, 4), 0.05);
    }

    [Theory]
    [InlineData("none", "no tensor 'decoder.conv_in.weight', as an autoencoder has")]
    [InlineData("missing", "no tensor 'decoder.up_blocks.1.resnets.1.conv2.bias'")]
    [InlineData("no upsampler", "no tensor 'decoder.up_blocks.0.upsamplers.0.conv.weight'")]
    [InlineData("no norm", "no tensor 'decoder.conv_norm_out.weight'")]
    [InlineData("foreign", "tensor 'unet.weight' is none of an autoencoder")]
    [InlineData("unknown", "tensor 'decoder.up_blocks.0.attentions.0.weight' is none of this decoder")]
    [InlineData("twice", "holds 'decoder.conv_norm_out.bias' twice, as 'decoder.conv_norm_out.bias' and 'decoder.norm_out.bias'")]
    [InlineData("shape", "tensor 'decoder.mid_block.attentions.0.to_k.weight' has the shape [32, 64], expected [64, 64]")]
    [InlineData("groups", "levels of 48, 32 channels, which do not fall into 32 groups")]
    [InlineData("not finite", "tensor 'decoder.conv_out.bias' holds NaN at element 1")]
    public void Other_files_are_refused_in_one_line(string fault, string reason)
    {
        TestDecoder decoder = new(4, fault == "groups" ? [48, 32] : [64, 32], blocks: 2);
        if (fault == "shape")
            decoder.Tensors["decoder.mid_block.attentions.0.to_k.weight"] = ([32, 64], new float[2048]);
        if (fault == "not finite")
            decoder.Tensors["decoder.conv_out.bias"].Values[1] = float.NaN;
        string[] more = fault switch
        {
            "foreign" => ["unet.weight"],
            "unknown" => ["decoder.up_blocks.0.attentions.0.weight"],
            "twice" => ["decoder.norm_out.bias"],
            _ => [],
        };
        string gone = fault switch
        {
            "missing" => "decoder.up_blocks.1.resnets.1.conv2.bias",
            "no upsampler" => "decoder.up_blocks.0.upsamplers.0.conv.",
            "no norm" => "decoder.conv_norm_out.",
            "none" => "decoder.",
            _ => "x",
        };
        string path = temp.File("vae.safetensors");
        decoder.Write(path, name => name.StartsWith(gone, StringComparison.Ordinal) ? null : name, more: more);
        string said = Assert.Throws<InvalidFileException>(() => LatentDecoder.Load(path, TestDevices.Get("cpu"))).Message;
        Assert.Contains(reason, said, StringComparison.Ordinal);
        Assert.StartsWith(path, said, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', said);
    }

    [Fact]
    public void Model_values_become_raw_latents_and_pixels()
    {
        Small.Write(temp.File("vae.safetensors"), name => name);
        using LatentDecoder decoder = LatentDecoder.Load(temp.File("vae.safetensors"), TestDevices.Get("cpu"));
        LatentSpace space = LatentConventions.Get("scm");
        float[] values = Latents(2, 2, 2, 4), raw = [.. values.Select((value, i) => space.ToRaw(value, i % 4))];
        byte[] pixels = decoder.DecodeToPixels(values, 2, 2, space);
        Assert.Equal(decoder.Decode(raw, 2, 2).Select(value => (byte)(Math.Clamp((value + 1) / 2, 0, 1) * 255)), pixels);
        Assert.True(pixels.Distinct().Count() > 20);
        Assert.Throws<ArgumentException>(() => decoder.Decode(new float[17], 2, 2));
        Assert.Throws<ArgumentException>(() => decoder.DecodeToPixels(values, 2, 2, new LatentSpace([0], [1], 0, 1)));
    }

    /// <summary>The list of the Stable Diffusion VAE's decoder, without its values.</summary>
    [Fact]
    public void The_Stable_Diffusion_VAE_has_140_tensors_and_49490199_values()
    {
        DecoderNetwork network = new(new DecoderConfig { LatentChannels = 4, Widths = [512, 512, 256, 128], Blocks = [3, 3, 3, 3] });
        Assert.Equal((140, 49_490_199), (network.Parameters.Count, network.Parameters.Sum(parameter => parameter.Shape.Count)));
        Assert.Equal([512, 512, 3, 3], network.Parameters.Single(parameter => parameter.Name == "decoder.up_blocks.0.upsamplers.0.conv.weight").FileShape);
        Assert.Equal([256, 512, 1, 1], network.Parameters.Single(parameter => parameter.Name == "decoder.up_blocks.2.resnets.0.conv_shortcut.weight").FileShape);
        Assert.Equal([512, 512], network.Parameters.Single(parameter => parameter.Name == "decoder.mid_block.attentions.0.to_out.0.weight").FileShape);
    }

    public void Dispose() => temp.Dispose();

    private static Func<string, string?> Named(string layout) => layout switch
    {
        "older" => TestDecoder.Older,
        "pipeline" => name => $"vae.{name}",
        "compvis" => Small.CompVis,
        "checkpoint" => name => $"first_stage_model.{Small.CompVis(name)}",
        _ => name => name,
    };

    private static float[] Latents(int count, int height, int width, int channels)
    {
        Random random = new(3);
        return [.. Enumerable.Range(0, count * height * width * channels).Select(_ => 4 * random.NextSingle() - 2)];
    }

    private static double[] Reference(TestDecoder decoder, float[] latents, int height, int width, int channels) =>
        [.. latents.Chunk(height * width * channels).SelectMany(latent => decoder.Decode(latent, height, width))];

    private static void Near(double[] expected, float[] actual, double relative)
    {
        Assert.Equal(expected.Length, actual.Length);
        double error = Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum() / expected.Sum(a => a * a));
        Assert.True(error <= relative, $"the relative error is {error:E2}, {relative:E2} allowed");
    }
}
