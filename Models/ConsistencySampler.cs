using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Sampling from a consistency model (arXiv:2410.11081, section 2; arXiv:2303.01469, algorithm 1): from noise z at the first time
/// x_0 = f(z, t) = cos(t) z - sin(t) sigma_data F; at each further time fresh noise z' is added, x_t = cos(t) x_0 + sin(t) z', and
/// removed again.
/// </summary>
public sealed class ConsistencySampler : ImageSampler
{
    /// <summary>The second of two times (arXiv:2410.11081, appendix G).</summary>
    public const double MiddleTime = 1.1;

    private readonly double[] times;
    private readonly ComputeProgram start, renoise, denoise;

    /// <summary>Records the programs.</summary>
    /// <param name="model">A consistency model; must outlive the sampler. Weights that change later are seen.</param>
    /// <param name="times">Strictly falling, in (0, pi/2], one for each evaluation; null for the two of <see cref="DefaultTimes"/>.</param>
    /// <param name="batch">Images drawn at a time.</param>
    /// <exception cref="ArgumentException">The times are not as said.</exception>
    public ConsistencySampler(TrigFlowModel model, IReadOnlyList<double>? times = null, int batch = 16)
        : this(SampledNetwork.Of(model), times, batch)
    {
    }

    internal ConsistencySampler(SampledNetwork network, IReadOnlyList<double>? times, int batch)
        : base(network, batch, coefficientCount: 3)
    {
        this.times = [.. times ?? DefaultTimes(2, network.SigmaData)];
        CheckTimes(this.times);
        (Tensor t, Tensor cos, Tensor sin) = (Coefficient(0), Coefficient(1), Coefficient(2));
        start = Record(program => Copy.Into(program, Noise, State));
        renoise = Record(program => Combine.Into(program, Denoised, cos, 1, Noise, sin, 1, State));
        denoise = Record(program => Combine.Into(program, State, cos, 1, RecordNetwork(program, t), sin, -1, Denoised));
    }

    /// <inheritdoc/>
    public override int Evaluations => times.Length;

    /// <summary>The launches of an evaluation, in order, for whoever measures them.</summary>
    internal IReadOnlyList<ProgramStep> ProgramSteps => denoise.Steps;

    /// <summary>Loads a consistency model together with a sampler that owns it.</summary>
    /// <exception cref="InvalidFileException">See <see cref="WeightFile.Load"/>.</exception>
    public static ConsistencySampler Load(string path, ComputeDevice device, int steps = 2, int batch = 16, Precision precision = Precision.Auto) =>
        Owning(WeightFile.Load(path, device, precision), model => new ConsistencySampler(model, DefaultTimes(steps, model.SigmaData), batch));

    /// <summary>
    /// Times for a number of steps: arctan(80 / sigma_data), then 1.1 as in the paper; further ones divide what remains below 1.1
    /// evenly, which is our choice, since the paper stops at two.
    /// </summary>
    public static double[] DefaultTimes(int steps, double sigmaData)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return [TrigFlowTime.Max(sigmaData), .. Enumerable.Range(0, steps - 1).Select(i => MiddleTime * (steps - 1 - i) / (steps - 1))];
    }

    /// <inheritdoc/>
    private protected override void Solve(Action<int> drawNoise)
    {
        for (int step = 0; step < times.Length; step++)
        {
            SetCoefficients(times[step], Math.Cos(times[step]), Math.Sin(times[step]));
            drawNoise(step);
            (step == 0 ? start : renoise).Run();
            denoise.Run();
        }
    }

    private static void CheckTimes(double[] times)
    {
        bool falling = times.Zip(times.Skip(1)).All(pair => pair.First > pair.Second);
        if (times.Length == 0 || !falling || !times.All(t => t is > 0 and <= Math.PI / 2))
            throw new ArgumentException($"consistency sampler: times fall strictly and are in (0, pi/2], not [{string.Join(", ", times)}]");
    }
}
