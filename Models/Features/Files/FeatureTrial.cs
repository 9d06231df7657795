using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>A program that is recorded, run once and read out, for comparisons.</summary>
/// <param name="device">Device that computes.</param>
internal sealed class FeatureTrial(ComputeDevice device) : IDisposable
{
    private readonly ComputeProgram program = new(device);
    private readonly List<Tensor> owned = [];

    /// <summary>The program.</summary>
    public ComputeProgram Program => program;

    /// <summary>Uploads bytes of images in the form that <see cref="ImageResize"/> takes.</summary>
    public Tensor Upload(byte[] bytes)
    {
        int[] words = new int[ImageResize.Words(bytes.Length)];
        Buffer.BlockCopy(bytes, 0, words, 0, bytes.Length);
        Tensor tensor = device.CreateTensor(new Shape(words.Length), DType.Int32);
        owned.Add(tensor);
        tensor.Upload<int>(words);
        return tensor;
    }

    /// <summary>Uploads values that the program reads.</summary>
    public Tensor Upload(Shape shape, float[] values)
    {
        Tensor tensor = device.CreateTensor(shape, values);
        owned.Add(tensor);
        return tensor;
    }

    /// <summary>Keeps a tensor beyond the run.</summary>
    public Tensor Keep(Tensor transient)
    {
        Tensor kept = device.CreateTensor(transient.Shape);
        owned.Add(kept);
        Copy.Into(program, transient, kept);
        return kept;
    }

    /// <summary>Releases program and tensors.</summary>
    public void Dispose()
    {
        program.Dispose();
        owned.ForEach(tensor => tensor.Dispose());
    }
}
