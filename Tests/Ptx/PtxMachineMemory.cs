using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>The global memory of a <see cref="PtxMachine"/>, poisoned except for the test's tensors.</summary>
internal sealed class PtxMachineMemory
{
    private readonly Random random = new(11);
    private int top = 256;

    public PtxMachineMemory() => Bytes.AsSpan().Fill(0xFF);

    public byte[] Bytes { get; } = new byte[1 << 23];

    public static BFloat16[] Rounded(float[] values) => [.. values.Select(BFloat16.FromSingle)];

    /// <summary>Small integers, whose products and sums are exact.</summary>
    public float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)random.Next(-2, 3))];

    /// <summary>Copies values to a place of their own, a multiple of 256; returns it.</summary>
    public int Put<T>(T[] values)
        where T : unmanaged
    {
        int start = top;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan());
        bytes.CopyTo(Bytes.AsSpan(start));
        top = (start + bytes.Length + 255) / 256 * 256;
        return start;
    }

    /// <summary>Puts a tensor map of images (N, H, W, channels) at a place; copies end at a channel, or with the last.</summary>
    public void PutImages(int map, int address, ConvExtents e, int channels, PixelBox box, int end = 0) => PtxMachine.EncodeMap(
        Bytes, map, address, [end == 0 ? channels : end, e.W, e.H, e.N], [channels, e.W * channels, e.H * e.W * channels], [64, box.Width, box.Height, box.Images]);

    public float[] Singles(int at, int count) => MemoryMarshal.Cast<byte, float>(Bytes.AsSpan(at))[..count].ToArray();

    public IEnumerable<float> Halves(int at, int count) => MemoryMarshal.Cast<byte, BFloat16>(Bytes.AsSpan(at))[..count].ToArray().Select(BFloat16.ToSingle);
}
