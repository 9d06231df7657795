using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// The form of one image's latents in a file: a .npy array (2 C, H, W) in C order, of fp32 or fp16, whose first half are the means of the autoencoder's posterior and
/// whose second half are its standard deviations, as EDM2's data sets hold them.
/// </summary>
/// <param name="Channels">C, at least 1.</param>
/// <param name="Height">H, at least 1.</param>
/// <param name="Width">W, at least 1.</param>
/// <param name="Type">Type of the elements, see <see cref="NpyHeader"/>.</param>
/// <param name="DataStart">Bytes before the elements.</param>
internal sealed record LatentArray(int Channels, int Height, int Width, string Type, int DataStart)
{
    private const int MaxElements = 1 << 26;

    /// <summary>Number of elements: means and deviations.</summary>
    internal int Elements => 2 * Channels * Height * Width;

    /// <summary>Reads the form of a file.</summary>
    /// <returns>The form; null with a reason if the file holds no latents.</returns>
    internal static LatentArray? Of(ReadOnlySpan<byte> file, out string? reason)
    {
        if (!NpyHeader.TryParse(file, out string type, out int[] shape, out int start, out reason))
            return null;
        if (type is not (NpyHeader.Float32 or NpyHeader.Float16))
            reason = $"has elements of type '{type}', expected '{NpyHeader.Float32}' or '{NpyHeader.Float16}' (float32 or float16) for latents";
        else if (shape.Length != 3 || shape.Any(extent => extent < 1) || shape[0] % 2 != 0 || (Int128)shape[0] * shape[1] * shape[2] > MaxElements)
            reason = $"has the shape ({string.Join(", ", shape)}), expected (2 C, H, W): means, then deviations of latents";
        if (reason is not null)
            return null;
        LatentArray form = new(shape[0] / 2, shape[1], shape[2], type, start);
        long bytes = (long)form.Elements * (type == NpyHeader.Float32 ? 4 : 2);
        if (bytes == file.Length - start)
            return form;
        reason = $"has {file.Length - start} bytes of data, its shape ({string.Join(", ", shape)}) needs {bytes}";
        return null;
    }

    /// <summary>Reads the elements of a file of this form.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="stored">Receives fp32 (2, C, H, W).</param>
    /// <returns>Why the file is refused; null if it is accepted.</returns>
    internal string? Read(ReadOnlySpan<byte> file, Span<byte> stored)
    {
        if (Of(file, out string? reason) is not { } found)
            return reason;
        if (found != this)
            return $"holds {found}, but the first file {this}: all must be alike";
        Span<float> values = MemoryMarshal.Cast<byte, float>(stored);
        if (Type == NpyHeader.Float32)
            file[DataStart..].CopyTo(stored);
        else
            TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(file[DataStart..]), values);

        // The greatest magnitude is NaN if any value is.
        if (!float.IsFinite(TensorPrimitives.MaxMagnitude((ReadOnlySpan<float>)values)))
            return "holds a value that is not finite";
        return TensorPrimitives.Min((ReadOnlySpan<float>)values[(Elements / 2)..]) < 0 ? "holds a negative deviation" : null;
    }

    /// <summary>The form in words, such as "float32 latents of 64x64x4".</summary>
    public override string ToString() => $"{(Type == NpyHeader.Float32 ? "float32" : "float16")} latents of {Height}x{Width}x{Channels}";
}
