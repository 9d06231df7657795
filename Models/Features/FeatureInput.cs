using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>How bytes of images become the input of a network.</summary>
/// <param name="Size">Height and width of the input.</param>
/// <param name="Taps">The resizing of an axis, from its extent to <see cref="Size"/>.</param>
/// <param name="Scale">Factor of each channel.</param>
/// <param name="Shift">Added after that, for each channel, or for each channel of each pixel (Size, Size, 3).</param>
/// <param name="Words">The same in words, for a report.</param>
internal sealed record FeatureInput(int Size, Func<int, int, ResizeTaps> Taps, float[] Scale, float[] Shift, string Words)
{
    /// <summary>Records the conversion of a batch.</summary>
    /// <param name="program">Program that records it.</param>
    /// <param name="bytes">The bytes, four to a word.</param>
    /// <param name="images">(N, H, W, C).</param>
    /// <param name="scale"><see cref="Scale"/> on the device.</param>
    /// <param name="shift"><see cref="Shift"/> on the device.</param>
    /// <returns>(N, Size, Size, 3).</returns>
    public Tensor Record(ComputeProgram program, Tensor bytes, Shape images, Tensor scale, Tensor shift) =>
        ImageResize.Apply(program, bytes, images, Taps(images.H, Size), Taps(images.W, Size), scale, shift);

    /// <summary>Brings factors and shifts to a device.</summary>
    public (Tensor Scale, Tensor Shift) Upload(ComputeDevice device) => (
        device.CreateTensor(new Shape(Scale.Length), Scale),
        device.CreateTensor(Shift.Length == ImageResize.Channels ? new Shape(Shift.Length) : new Shape(Size, Size, ImageResize.Channels), Shift));
}
