using System.Runtime.InteropServices;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Tests.Training;

/// <summary>The bytes of a state's tensors, whatever their type.</summary>
internal static class StateBytes
{
    public static byte[] Of(Tensor tensor)
    {
        switch (tensor.Type)
        {
            case DType.Float64:
                double[] doubles = new double[tensor.Count];
                tensor.Download(doubles.AsSpan());
                return [.. doubles.SelectMany(BitConverter.GetBytes)];
            case DType.Int32:
                int[] ints = new int[tensor.Count];
                tensor.Download(ints.AsSpan());
                return [.. ints.SelectMany(BitConverter.GetBytes)];
            default:
                return [.. tensor.ToArray().SelectMany(BitConverter.GetBytes)];
        }
    }

    public static void Upload(Tensor tensor, byte[] bytes)
    {
        switch (tensor.Type)
        {
            case DType.Float64:
                tensor.Upload(MemoryMarshal.Cast<byte, double>((ReadOnlySpan<byte>)bytes));
                break;
            case DType.Int32:
                tensor.Upload(MemoryMarshal.Cast<byte, int>((ReadOnlySpan<byte>)bytes));
                break;
            default:
                tensor.Upload(MemoryMarshal.Cast<byte, float>((ReadOnlySpan<byte>)bytes));
                break;
        }
    }
}
