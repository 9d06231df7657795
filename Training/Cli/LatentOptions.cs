using System.CommandLine;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Cli;

/// <summary>The options --decoder and --convention, the same for every verb that makes pictures of latents.</summary>
internal static class LatentOptions
{
    /// <summary>Description of --decoder.</summary>
    public const string DecoderDescription = "your own file of the Stable Diffusion VAE (.safetensors, names of diffusers or CompVis).";

    /// <summary>The option --convention, by default edm2.</summary>
    public static Option<string> Convention(string description)
    {
        var option = new Option<string>("--convention") { Description = description, DefaultValueFactory = _ => LatentConventions.Default };
        return option.AcceptOnly([.. LatentConventions.All.Keys.Order(StringComparer.Ordinal)]);
    }

    /// <summary>Reads a decoder for latents of a space.</summary>
    /// <exception cref="UsageException">The device has no kernels for the precision or too little memory, or the decoder is of other latents.</exception>
    /// <exception cref="InvalidFileException">See <see cref="LatentDecoder.Load"/>.</exception>
    public static LatentDecoder LoadDecoder(string path, LatentSpace space, ComputeDevice device, Precision precision)
    {
        LatentDecoder decoder;
        try
        {
            decoder = LatentDecoder.Load(path, device, precision);
        }
        catch (ArgumentException e)
        {
            throw new UsageException(e.Message);
        }
        catch (MemoryLimitException e)
        {
            throw new UsageException(e.With("these are the decoder's weights, which fit only a device with more memory").Message);
        }

        if (decoder.Channels == space.Channels)
            return decoder;
        int channels = decoder.Channels;
        decoder.Dispose();
        throw new UsageException($"--decoder {path}: its latents have {channels} channels, but those of {space} have {space.Channels}");
    }
}
