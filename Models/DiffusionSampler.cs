using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Deterministic sampling from a diffusion model: the probability-flow ODE du/dt = F(u, t) by DPM-Solver++(2M) (arXiv:2211.01095,
/// algorithm 2), of second order with one evaluation a step.
/// </summary>
/// <remarks>
/// With alpha = cos t, sigma = sin t and lambda = -ln tan t its step from t to s is u_s = sin(s) / sin(t) u_t + sin(t - s) / sin(t) D.
/// D = (1 + k) D_t - k D_p is the denoised image extrapolated linearly in lambda from the one of the previous time p, with
/// k = (lambda_s - lambda_t) / (2 (lambda_t - lambda_p)). The first step takes k = 0, and so does the last, to 0 where lambda is
/// infinite. Times: <see cref="TrigFlowTime.KarrasGrid"/>.
/// </remarks>
public sealed class DiffusionSampler : ImageSampler
{
    private readonly double[] times;
    private readonly bool guided;
    private readonly ComputeProgram start, advance;

    /// <summary>Records the programs.</summary>
    /// <param name="model">A diffusion model; must outlive the sampler. Weights that change later are seen.</param>
    /// <param name="steps">Number of steps, at least 1; 32 leave little error.</param>
    /// <param name="guidance">
    /// Weight w of classifier-free guidance, F = F_none + w (F_class - F_none) (arXiv:2207.12598); 1 for none, otherwise each step
    /// evaluates the network twice.
    /// </param>
    /// <param name="batch">Images drawn at a time.</param>
    /// <exception cref="ArgumentException">Guidance is asked for but the network has no classes, or is not finite.</exception>
    public DiffusionSampler(TrigFlowModel model, int steps = 32, float guidance = 1, int batch = 16)
        : this(SampledNetwork.Of(model), TrigFlowTime.KarrasGrid(steps, model.SigmaData), guidance, batch)
    {
    }

    internal DiffusionSampler(SampledNetwork network, double[] times, float guidance, int batch)
        : base(network, batch, coefficientCount: 8)
    {
        guided = guidance != 1;
        if (!float.IsFinite(guidance) || (guided && network.LabelCount == 0))
            throw new ArgumentException($"diffusion sampler: guidance {guidance} of a network with {network.LabelCount} classes");
        this.times = times;
        Tensor previous = CreateState();
        start = Record(program =>
        {
            Copy.Into(program, Noise, State);
            Copy.Into(program, Noise, previous); // any finite value: its first weight is 0
        });
        advance = Record(program =>
        {
            (Tensor t, Tensor cos, Tensor sin) = (Coefficient(0), Coefficient(1), Coefficient(2));
            Tensor f = guided ? RecordGuided(program, t, guidance, one: Coefficient(7)) : RecordNetwork(program, t);
            Tensor extrapolated = program.Allocate(f.Shape);
            Combine.Into(program, State, cos, 1, f, sin, -1, Denoised);
            Combine.Into(program, Denoised, Coefficient(3), 1, previous, Coefficient(4), 1, extrapolated);
            Combine.Into(program, State, Coefficient(5), 1, extrapolated, Coefficient(6), 1, State);
            Copy.Into(program, Denoised, previous);
        });
    }

    /// <inheritdoc/>
    public override int Evaluations => times.Length * (guided ? 2 : 1);

    /// <summary>Loads a diffusion model together with a sampler that owns it.</summary>
    /// <exception cref="InvalidFileException">See <see cref="WeightFile.Load"/>.</exception>
    public static DiffusionSampler Load(string path, ComputeDevice device, int steps = 32, float guidance = 1, int batch = 16, Precision precision = Precision.Auto) =>
        Owning(WeightFile.Load(path, device, precision), model => new DiffusionSampler(model, steps, guidance, batch));

    /// <inheritdoc/>
    private protected override void Solve(Action<int> drawNoise)
    {
        drawNoise(0);
        start.Run();
        for (int i = 0; i < times.Length; i++)
        {
            double t = times[i], s = i + 1 < times.Length ? times[i + 1] : 0;
            double k = i > 0 && s > 0 ? LogRatio(t, s) / (2 * LogRatio(times[i - 1], t)) : 0;
            SetCoefficients(t, Math.Cos(t), Math.Sin(t), 1 + k, -k, Math.Sin(s) / Math.Sin(t), Math.Sin(t - s) / Math.Sin(t), 1);
            advance.Run();
        }
    }

    private Tensor RecordGuided(ComputeProgram program, Tensor t, float guidance, Tensor one)
    {
        Tensor conditional = RecordNetwork(program, t), unconditional = RecordNetwork(program, t, withClasses: false);
        Tensor f = program.Allocate(conditional.Shape);
        Combine.Into(program, conditional, one, guidance, unconditional, one, 1 - guidance, f);
        return f;
    }

    /// <summary>lambda_s - lambda_t = ln(tan t / tan s).</summary>
    private static double LogRatio(double t, double s) => Math.Log(Math.Tan(t) / Math.Tan(s));
}
