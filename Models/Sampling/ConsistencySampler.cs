using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Sampling from a consistency model (arXiv:2410.11081, section 2; arXiv:2303.01469, algorithm 1). Noise z at the first time gives
/// x_0 = f(z, t) = cos(t) z - sin(t) sigma_data F; each further time adds fresh noise z', x_t = cos(t) x_0 + sin(t) z', and
/// removes it again.
/// </summary>
/// <remarks>
/// All evaluations are one program, a single graph on a GPU: the host starts it and waits. Layers that depend on the times alone run once
/// for all evaluations.
/// </remarks>
public sealed class ConsistencySampler : ImageSampler
{
    /// <summary>The second of two times, in radians (arXiv:2410.11081, appendix G).</summary>
    public const double MiddleTime = 1.1;

    private readonly double[] times;
    private readonly ComputeProgram whole;

    /// <summary>Records the program.</summary>
    /// <param name="model">A consistency model; must outlive the sampler, which sees later changes of its weights.</param>
    /// <param name="times">One time for each evaluation, in radians, strictly falling in (0, pi/2]; null for the two of <see cref="DefaultTimes"/>.</param>
    /// <param name="batch">Images drawn at a time, at least 1.</param>
    /// <param name="guidance">
    /// Scale of classifier-free guidance, for a model that takes it as an input (<see cref="TrigFlowModel.TakesGuidance"/>); otherwise 1.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The model is a diffusion model (<see cref="DiffusionSampler"/> draws from these), the times or the guidance are out of range, or the model takes no guidance.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch is below 1.</exception>
    public ConsistencySampler(TrigFlowModel model, IReadOnlyList<double>? times = null, int batch = 16, float guidance = 1)
        : this(model, Checked(times ?? DefaultTimes(2, Require(model).SigmaData)), batch, guidance)
    {
    }

    private ConsistencySampler(TrigFlowModel model, double[] times, int batch, float guidance)
        : base(Require(model), batch, draws: times.Length, evaluations: times.Length)
    {
        this.times = times;
        try
        {
            whole = Record(model, guidance);
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>Records all evaluations as one program.</summary>
    private ComputeProgram Record(TrigFlowModel model, float guidance)
    {
        if (!float.IsFinite(guidance) || (guidance != 1 && !model.TakesGuidance))
            throw new ArgumentException($"consistency sampler: guidance is {guidance}, expected a finite number, and 1 if it is no input of the model");
        Tensor t = CreateRows(times.Length), cos = CreateRows(times.Length), sin = CreateRows(times.Length);
        t.Upload<float>(Repeated(times));
        cos.Upload<float>(Repeated(Array.ConvertAll(times, Math.Cos)));
        sin.Upload<float>(Repeated(Array.ConvertAll(times, Math.Sin)));
        Dictionary<string, Tensor> scalars = [];
        if (model.TakesGuidance)
            (scalars[NetworkConfig.Guidance] = CreateRows(times.Length)).Upload<float>(Repeated(Array.ConvertAll(times, _ => (double)guidance)));
        return Record(program =>
        {
            Func<Tensor, int, Tensor> f = RecordNetwork(program, t, Labels, scalars);
            for (int i = 0; i < times.Length; i++)
            {
                Tensor state = program.Allocate(ImageShape);
                RecordNoise(program, i, state);
                if (i > 0)
                    Combine.Into(program, Denoised, Row(cos, i), 1, state, Row(sin, i), 1, state);
                Combine.Into(program, state, Row(cos, i), 1, f(state, i), Row(sin, i), -1, Denoised);
            }
        });
    }

    private static TrigFlowModel Require(TrigFlowModel model)
    {
        RequireKind(model, ModelKind.Consistency, nameof(DiffusionSampler));
        return model;
    }

    /// <inheritdoc/>
    public override int Evaluations => times.Length;

    /// <summary>The launches for a batch, in order, for tools that time them one by one.</summary>
    internal IReadOnlyList<ProgramStep> ProgramSteps => whole.Steps;

    /// <summary>Loads a consistency model together with a sampler that owns it.</summary>
    /// <param name="path">Path of a weight file.</param>
    /// <param name="device">Device that samples.</param>
    /// <param name="steps">Number of steps, at least 1; times are <see cref="DefaultTimes"/>.</param>
    /// <param name="batch">Images drawn at a time, at least 1.</param>
    /// <param name="precision">Precision of the network.</param>
    /// <param name="guidance">Scale of classifier-free guidance, for a model that takes it as an input; otherwise 1.</param>
    /// <param name="fallback">See <see cref="WeightFile.Load"/>.</param>
    /// <exception cref="ArgumentException">The path is empty, the device has no kernels for the precision, or the model takes no guidance.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps or the batch is below 1.</exception>
    /// <exception cref="InvalidFileException">The file holds a diffusion model, or as for <see cref="WeightFile.Load"/>.</exception>
    public static ConsistencySampler Load(
        string path, ComputeDevice device, int steps = 2, int batch = 16, Precision precision = Precision.Auto, float guidance = 1, NetworkConfig? fallback = null) =>
        Owning(LoadModel(path, device, precision, fallback, ModelKind.Consistency, nameof(DiffusionSampler)), model => new ConsistencySampler(model, DefaultTimes(steps, model.SigmaData), batch, guidance));

    /// <summary>
    /// Times for a number of steps, in radians: arctan(80 / sigma_data), then 1.1 as in the paper; further times divide the rest below 1.1
    /// evenly, which is this project's choice, since the paper stops at two.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps is below 1.</exception>
    public static double[] DefaultTimes(int steps, double sigmaData)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        return [TrigFlowTime.Max(sigmaData), .. Enumerable.Range(0, steps - 1).Select(i => MiddleTime * (steps - 1 - i) / (steps - 1))];
    }

    /// <inheritdoc/>
    private protected override void Solve() => whole.Run();

    private static double[] Checked(IReadOnlyList<double> times)
    {
        bool falling = times.Zip(times.Skip(1)).All(pair => pair.First > pair.Second);
        if (times.Count == 0 || !falling || !times.All(t => t is > 0 and <= Math.PI / 2))
            throw new ArgumentException($"consistency sampler: times fall strictly and are in (0, pi/2], not [{string.Join(", ", times)}]");
        return [.. times];
    }
}
