using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Bytes of images to the normalised input of a network: y[n, h, w, c] = scale[c] resized[n, h, w, c] + shift, with a shift for each channel or for each channel
/// of each pixel. A gray image counts as three equal channels. Nothing is rounded or clamped in between.
/// </summary>
/// <remarks>Forward only: bytes have no derivative.</remarks>
public static partial class ImageResize
{
    private const string Name = "image-resize";

    /// <summary>Channels of the output.</summary>
    public const int Channels = 3;

    /// <summary>Number of words that hold a number of bytes.</summary>
    public static int Words(long bytes) => checked((int)((bytes + sizeof(int) - 1) / sizeof(int)));

    /// <summary>Applies the op.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="bytes">Bytes 0 to 255 of images (N, H, W, C), four to a word (<see cref="Words"/>), the first in the lowest bits.</param>
    /// <param name="images">(N, H, W, C), C = 1 or 3.</param>
    /// <param name="rows">Resizing of heights.</param>
    /// <param name="columns">Resizing of widths.</param>
    /// <param name="scale">(3), fp32.</param>
    /// <param name="shift">(3), or (rows.Output, columns.Output, 3), fp32.</param>
    /// <returns>(N, rows.Output, columns.Output, 3).</returns>
    /// <exception cref="ArgumentException">A shape or a type does not fit.</exception>
    public static Tensor Apply(ComputeProgram program, Tensor bytes, Shape images, ResizeTaps rows, ResizeTaps columns, Tensor scale, Tensor shift)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(columns);
        Expect.Float32(Name, scale, shift);
        Expect.NoTangent(Name, bytes, scale, shift);
        Expect.NoGradient(Name, program, scale, shift);
        if (bytes.Type != DType.Int32 || images.Rank != 4 || images.C is not (1 or Channels) || bytes.Count != Words(images.Count))
            throw new ArgumentException($"{Name}: {bytes} does not hold the bytes of images {images}, which have 1 or {Channels} channels");
        if (images.H != rows.Input || images.W != columns.Input)
            throw new ArgumentException($"{Name}: images {images} with taps for {rows.Input} x {columns.Input}");
        if (scale.Shape != new Shape(Channels) || (shift.Count != Channels && shift.Shape != new Shape(rows.Output, columns.Output, Channels)))
            throw new ArgumentException($"{Name}: scale {scale}, shift {shift}; wanted ({Channels}), and ({Channels}) or ({rows.Output}, {columns.Output}, {Channels})");
        Tensor y = program.Allocate(new Shape(images.N, rows.Output, columns.Output, Channels));
        program.Emit(
            $"{Name}.forward", [bytes, scale, shift], [y],
            cpu => ForwardCpu(cpu, bytes, images, rows, columns, scale, shift, y), gpu => ForwardGpu(gpu, bytes, images, rows, columns, scale, shift, y));
        return y;
    }
}
