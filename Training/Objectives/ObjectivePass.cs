using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Objectives;

/// <summary>What the forward pass of an objective reads.</summary>
/// <param name="Network">The network trained.</param>
/// <param name="Weights">Its parameters and those of <see cref="AdaptiveWeight"/>, watched by the program's tape.</param>
/// <param name="Images">x_0 (N, H, W, C), persistent.</param>
/// <param name="Labels">Int32 (N), persistent; null where the network has no classes.</param>
/// <param name="Random">The step's random numbers.</param>
/// <param name="SigmaData">Standard deviation of the data.</param>
/// <param name="Options">The objective's numbers.</param>
internal sealed record ObjectiveInputs(
    TrainedNetwork Network, ParameterSlab Weights, Tensor Images, Tensor? Labels, RandomSource Random, float SigmaData, ObjectiveOptions Options)
{
    /// <summary>The source of the network's dropout masks.</summary>
    public RandomSource Dropout => Random.For(RandomPurpose.Dropout);
}

/// <summary>What the forward pass of an objective leaves for the backward pass, the log and tests; all transient.</summary>
/// <param name="Loss">The loss of each sample (N), from which the backward pass starts.</param>
/// <param name="Error">The mean squared error of each sample without its weight (N).</param>
/// <param name="F">The network's output (N, H, W, C); dual in consistency training.</param>
/// <param name="Target">What F is regressed on (N, H, W, C).</param>
/// <param name="Batch">The samples and times.</param>
internal sealed record ObjectivePass(Tensor Loss, Tensor Error, Tensor F, Tensor Target, NoisyBatch Batch)
{
    /// <summary>Consistency: dx_t/dt along the flow that the tangent follows (N, H, W, C).</summary>
    public Tensor? DxDt { get; init; }

    /// <summary>Consistency: the norm of each sample's tangent before its normalisation (N).</summary>
    public Tensor? TangentNorm { get; init; }
}
