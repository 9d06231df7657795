using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Steps;

/// <summary>The current micro-batch in device memory: images, labels, and the counter of its random numbers.</summary>
internal sealed class StepBatch : IDisposable
{
    /// <summary>Difference between the seeds of consecutive phases, so that each draws numbers of its own (the golden ratio, as in SplitMix64).</summary>
    private const ulong PhaseSeeds = 0x9E37_79B9_7F4A_7C15;

    private readonly TrainingOptions options;
    private readonly Tensor images, counter;
    private readonly Tensor? labels;
    private readonly PinnedUpload imageUpload, counterUpload;
    private readonly PinnedUpload? labelUpload;

    public StepBatch(ComputeDevice device, NetworkConfig network, TrainingOptions options)
    {
        this.options = options;
        int n = options.MicroBatchSize;
        images = device.CreateTensor(new Shape(n, network.Image.H, network.Image.W, network.Image.C));
        labels = network.LabelCount > 0 ? device.CreateTensor(new Shape(n), DType.Int32) : null;
        counter = device.CreateTensor(new Shape(2), DType.Int32);
        imageUpload = new PinnedUpload(images);
        labelUpload = labels is null ? null : new PinnedUpload(labels);
        counterUpload = new PinnedUpload(counter);
    }

    /// <summary>Returns the batch as a phase sees it: phases share images and labels, but not random numbers.</summary>
    public PhaseBatch OfPhase(int index, float sigmaData) => new(
        images, labels, new RandomSource(unchecked(options.Seed + (ulong)index * PhaseSeeds), RandomPurpose.None, counter), sigmaData, Share: 1f / options.Batch);

    /// <summary>Checks that a whole batch has the pixels and labels that the step was recorded for.</summary>
    /// <exception cref="ArgumentException">The number of pixels or labels differs.</exception>
    public void Check(ReadOnlySpan<float> batchImages, ReadOnlySpan<int> batchLabels)
    {
        long pixels = images.Shape.Count / images.Shape.N * options.Batch;
        if (batchImages.Length != pixels || batchLabels.Length != (labels is null ? 0 : options.Batch))
        {
            throw new ArgumentException(
                $"the step takes {options.Batch} images in micro-batches of {images.Shape} with {(labels is null ? "no" : "as many")} labels, not {batchImages.Length} numbers and {batchLabels.Length} labels");
        }
    }

    /// <summary>Starts to copy the micro-batch that begins with image <paramref name="first"/> to the device; does not wait.</summary>
    public void Upload(ReadOnlySpan<float> batchImages, ReadOnlySpan<int> batchLabels, long step, int first)
    {
        int pixels = (int)(images.Shape.Count / images.Shape.N);
        counterUpload.Write<int>([checked((int)step), first]);
        imageUpload.Write(batchImages.Slice(first * pixels, images.Count));
        labelUpload?.Write(batchLabels.Slice(first, options.MicroBatchSize));
    }

    /// <summary>Starts to copy a whole micro-batch that no training step has, with the draws of step 0 for images numbered from <paramref name="first"/>; does not wait.</summary>
    /// <exception cref="ArgumentException">The number of pixels or labels is not that of a micro-batch.</exception>
    public void UploadPass(ReadOnlySpan<float> passImages, ReadOnlySpan<int> passLabels, int first)
    {
        if (passImages.Length != images.Count || passLabels.Length != (labels?.Count ?? 0))
            throw new ArgumentException($"a pass takes images {images.Shape} with {(labels is null ? "no" : "as many")} labels, not {passImages.Length} numbers and {passLabels.Length} labels");
        counterUpload.Write<int>([0, first]);
        imageUpload.Write(passImages);
        labelUpload?.Write(passLabels);
    }

    public void Dispose()
    {
        foreach (PinnedUpload? upload in (ReadOnlySpan<PinnedUpload?>)[imageUpload, labelUpload, counterUpload])
            upload?.Dispose();
        foreach (Tensor? tensor in (ReadOnlySpan<Tensor?>)[images, labels, counter])
            tensor?.Dispose();
    }
}
