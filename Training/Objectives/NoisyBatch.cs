using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// A batch of noisy images at random times: x_t = cos t x_0 + sin t z with the velocity v_t = cos t z - sin t x_0, where
/// z ~ N(0, sigma_d^2) (arXiv:2410.11081, section 3.1).
/// </summary>
/// <remarks>
/// sigma_d is the measured standard deviation of the data over all pixels and channels: images are not rescaled to a given
/// deviation, and the weight file holds sigma_d.
/// </remarks>
/// <param name="Batch">The batch without noise.</param>
/// <param name="Noise">z (N, H, W, C), in the data's unit.</param>
/// <param name="T">t (N), radians.</param>
/// <param name="Cos">cos t (N).</param>
/// <param name="Sin">sin t (N).</param>
/// <param name="CosSin">cos t sin t (N).</param>
public sealed record NoisyBatch(PhaseBatch Batch, Tensor Noise, Tensor T, Tensor Cos, Tensor Sin, Tensor CosSin)
{
    /// <summary>Records the draws of times and noise, and names both.</summary>
    /// <param name="phase">The phase that records the batch.</param>
    /// <param name="times">Distribution of the times.</param>
    /// <exception cref="ArgumentException">A setting of the times is out of range.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    public static NoisyBatch Draw(PhaseRecorder phase, TimeSampler times)
    {
        ArgumentNullException.ThrowIfNull(phase);
        ArgumentNullException.ThrowIfNull(times);
        (ComputeProgram program, PhaseBatch batch) = (phase.Program, phase.Batch);
        Tensor t = times.Draw(program, batch), noise = program.Allocate(batch.Images.Shape);
        RandomNormal.Into(program, noise, batch.Random.For(RandomPurpose.Noise), batch.SigmaData);
        (Tensor cos, Tensor sin, Tensor cosSin) = SinCos.Apply(program, t);
        phase.Name("t", t);
        phase.Name("noise", noise);
        return new NoisyBatch(batch, noise, t, cos, sin, cosSin);
    }

    /// <summary>Records target = scale x_t.</summary>
    /// <exception cref="ArgumentException">The target does not have the images' shape or is not fp32.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    public void SampleInto(ComputeProgram program, float scale, Tensor target) =>
        Combine.Into(program, Batch.Images, Cos, scale, Noise, Sin, scale, target);

    /// <summary>Records target = scale v_t.</summary>
    /// <exception cref="ArgumentException">The target does not have the images' shape or is not fp32.</exception>
    /// <exception cref="InvalidOperationException">The program is compiled already.</exception>
    public void VelocityInto(ComputeProgram program, float scale, Tensor target) =>
        Combine.Into(program, Noise, Cos, scale, Batch.Images, Sin, -scale, target);
}
