using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Training.Objectives;

/// <summary>
/// A batch with noise at random times: x_t = cos t x_0 + sin t z and its own velocity v_t = cos t z - sin t x_0, where
/// z ~ N(0, sigma_d^2) and t is drawn by <see cref="ProposalTime"/> (arXiv:2410.11081, section 3.1).
/// </summary>
/// <remarks>
/// sigma_d is the standard deviation of the data as it is, measured over all pixels and channels: images are not rescaled to a
/// given deviation, and the weight file carries the number.
/// </remarks>
internal sealed record NoisyBatch(Tensor Images, Tensor Noise, Tensor T, Tensor Cos, Tensor Sin, Tensor CosSin, float SigmaData)
{
    /// <summary>Records the draws for images (N, H, W, C).</summary>
    public static NoisyBatch Draw(ComputeProgram program, Tensor images, RandomSource random, ObjectiveOptions options, float sigmaData)
    {
        Tensor t = program.Allocate(new Shape(images.Shape.N)), noise = program.Allocate(images.Shape);
        ProposalTime.Into(program, t, random.For(RandomPurpose.Time), options.PMean, options.PStd, sigmaData);
        RandomNormal.Into(program, noise, random.For(RandomPurpose.Noise), sigmaData);
        (Tensor cos, Tensor sin, Tensor cosSin) = SinCos.Apply(program, t);
        return new NoisyBatch(images, noise, t, cos, sin, cosSin, sigmaData);
    }

    /// <summary>Records target = scale x_t.</summary>
    public void SampleInto(ComputeProgram program, float scale, Tensor target) =>
        Combine.Into(program, Images, Cos, scale, Noise, Sin, scale, target);

    /// <summary>Records target = scale v_t.</summary>
    public void VelocityInto(ComputeProgram program, float scale, Tensor target) =>
        Combine.Into(program, Noise, Cos, scale, Images, Sin, -scale, target);
}
