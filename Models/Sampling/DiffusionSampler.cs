using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Deterministic sampling from a diffusion model: DPM-Solver++(2M) (arXiv:2211.01095, algorithm 2), of second order with one evaluation
/// a step, solves the probability-flow ODE du/dt = F(u, t).
/// </summary>
/// <remarks>
/// With alpha = cos t, sigma = sin t and lambda = -ln tan t its step from t to s is u_s = sin(s) / sin(t) u_t + sin(t - s) / sin(t) D.
/// D = (1 + k) D_t - k D_p is the denoised image, extrapolated linearly in lambda from the one of the previous time p, with
/// k = (lambda_s - lambda_t) / (2 (lambda_t - lambda_p)). The first step takes k = 0, and so does the last one, to 0, where lambda is
/// infinite. The times are those of <see cref="TrigFlowTime.KarrasGrid"/>.
/// </remarks>
public sealed class DiffusionSampler : ImageSampler
{
    private const int CoefficientCount = 8;
    private readonly double[] times;
    private readonly bool guided;
    private readonly PinnedUpload coefficientUpload;
    private readonly ComputeProgram start, advance;

    /// <summary>Records the programs.</summary>
    /// <param name="model">A diffusion model; must outlive the sampler, which sees later changes of its weights.</param>
    /// <param name="steps">Number of steps, at least 1; 32 leave little error.</param>
    /// <param name="guidance">
    /// Weight w of guidance, F = F_g + w (F - F_g); 1 for none, otherwise each step evaluates two networks. Without a guide, F_g is the model without class
    /// (classifier-free guidance, arXiv:2207.12598).
    /// </param>
    /// <param name="batch">Images drawn at a time, at least 1.</param>
    /// <param name="guide">
    /// Model that gives F_g, such as a smaller one that was trained less (autoguidance, arXiv:2406.02507) or one without classes; it must outlive the sampler. Its
    /// architecture may be another one; with classes, it gets those of the images. Null for the model itself.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The model is a consistency model (<see cref="ConsistencySampler"/> draws from these), the guide does not fit (<see cref="RequireGuide"/>), or guidance is not
    /// finite, or is not 1 although there are neither classes nor a guide.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps or the batch is below 1.</exception>
    public DiffusionSampler(TrigFlowModel model, int steps = 32, float guidance = 1, int batch = 16, TrigFlowModel? guide = null)
        : this(model, TrigFlowTime.KarrasGrid(steps, Require(model).SigmaData), guidance, batch, guide)
    {
    }

    internal DiffusionSampler(TrigFlowModel model, double[] times, float guidance, int batch, TrigFlowModel? guide = null)
        : base(Require(model), batch, draws: 1, evaluations: 1)
    {
        guided = guidance != 1;
        this.times = times;
        try
        {
            (coefficientUpload, start, advance) = Record(model, guidance, guide);
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <summary>Records the start from noise and a step of the solver.</summary>
    private (PinnedUpload Coefficients, ComputeProgram Start, ComputeProgram Advance) Record(TrigFlowModel model, float guidance, TrigFlowModel? guide)
    {
        if (!float.IsFinite(guidance) || (guided && model.Network.Config.LabelCount == 0 && guide is null))
            throw new ArgumentException($"diffusion sampler: guidance is {guidance}, expected a finite number, and 1 if the network has no classes and there is no guide");
        if (guide is not null)
            RequireGuide(model, guide);
        Tensor state = CreateState(), previous = CreateState(), coefficients = CreateRows(CoefficientCount);
        Tensor[] c = [.. Enumerable.Range(0, CoefficientCount).Select(i => Row(coefficients, i))];
        PinnedUpload upload = Keep(new PinnedUpload(coefficients));
        ComputeProgram begin = Record(program =>
        {
            RecordNoise(program, 0, state);
            Copy.Into(program, state, previous); // any finite value: its first weight is 0
        });
        ComputeProgram step = Record(program =>
        {
            (Tensor t, Tensor cos, Tensor sin) = (c[0].Reshape(1, Batch), c[1], c[2]);
            Tensor f = RecordNetwork(program, t, Labels)(state, 0);
            if (guided)
                f = RecordGuided(program, f, RecordGuide(program, t, guide)(state, 0), guidance, one: c[7]);
            Tensor extrapolated = program.Allocate(f.Shape);
            Combine.Into(program, state, cos, 1, f, sin, -1, Denoised);
            Combine.Into(program, Denoised, c[3], 1, previous, c[4], 1, extrapolated);
            Combine.Into(program, state, c[5], 1, extrapolated, c[6], 1, state);
            Copy.Into(program, Denoised, previous);
        });
        return (upload, begin, step);
    }

    /// <summary>Requires that a model can guide another one: a diffusion model of equal images and sigma_data, with the same classes or none, on the same device.</summary>
    /// <exception cref="ArgumentException">It cannot; the message says why.</exception>
    public static void RequireGuide(TrigFlowModel model, TrigFlowModel guide)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(guide);
        RequireGuideFit((model.Network.Config, model.Description), (guide.Network.Config, guide.Description));
        if (guide.Weights.Device != model.Weights.Device)
            throw new ArgumentException("the guide is on another device");
    }

    /// <summary>The same of weight files, by what they describe.</summary>
    /// <exception cref="ArgumentException">It cannot; the message says why.</exception>
    public static void RequireGuideFit((NetworkConfig Network, WeightDescription Description) model, (NetworkConfig Network, WeightDescription Description) guide)
    {
        ArgumentNullException.ThrowIfNull(model.Network);
        ArgumentNullException.ThrowIfNull(model.Description);
        ArgumentNullException.ThrowIfNull(guide.Network);
        ArgumentNullException.ThrowIfNull(guide.Description);
        (NetworkConfig own, NetworkConfig other) = (model.Network, guide.Network);
        (WeightDescription said, WeightDescription others) = (model.Description, guide.Description);
        string? fault = others.Kind != ModelKind.Diffusion ? "is a consistency model: only a diffusion model guides"
            : other.Image != own.Image ? $"is of images {Extents(other.Image)}, not {Extents(own.Image)}"
            : said.Latents is not null && others.Latents is not null && said.Latents != others.Latents ? $"draws latents of {others.Latents}, not of {said.Latents}"
            : other.LabelCount != 0 && other.LabelCount != own.LabelCount ? $"has {other.LabelCount} classes, not {own.LabelCount} or none"
            : !other.Conditions.IsEmpty ? $"takes further conditions ({string.Join(", ", other.Conditions)})"
            : Math.Abs(others.SigmaData - said.SigmaData) > 1e-6f * said.SigmaData ? $"was trained with sigma_data {others.SigmaData}, not {said.SigmaData}: the same time would mean different noise"
            : null;
        if (fault is not null)
            throw new ArgumentException($"the guide {fault}");

        static string Extents(Shape image) => $"{image.H}x{image.W}x{image.C}";
    }

    private static TrigFlowModel Require(TrigFlowModel model)
    {
        RequireKind(model, ModelKind.Diffusion, nameof(ConsistencySampler));
        return model;
    }

    /// <inheritdoc/>
    public override int Evaluations => times.Length * (guided ? 2 : 1);

    /// <summary>Loads a diffusion model together with a sampler that owns it.</summary>
    /// <param name="path">Path of a weight file.</param>
    /// <param name="device">Device that samples.</param>
    /// <param name="steps">Number of steps, at least 1; 32 leave little error.</param>
    /// <param name="guidance">Weight of classifier-free guidance; 1 for none.</param>
    /// <param name="batch">Images drawn at a time, at least 1.</param>
    /// <param name="precision">Precision of the network.</param>
    /// <param name="fallback">See <see cref="WeightFile.Load"/>.</param>
    /// <exception cref="ArgumentException">The path is empty, the device has no kernels for the precision, or the guidance does not fit the network.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of steps or the batch is below 1.</exception>
    /// <exception cref="InvalidFileException">The file holds a consistency model, or as for <see cref="WeightFile.Load"/>.</exception>
    public static DiffusionSampler Load(
        string path, ComputeDevice device, int steps = 32, float guidance = 1, int batch = 16, Precision precision = Precision.Auto, NetworkConfig? fallback = null) =>
        Owning(LoadModel(path, device, precision, fallback, ModelKind.Diffusion, nameof(ConsistencySampler)), model => new DiffusionSampler(model, steps, guidance, batch));

    /// <inheritdoc/>
    private protected override void Solve()
    {
        start.Run();
        for (int i = 0; i < times.Length; i++)
        {
            double t = times[i], s = i + 1 < times.Length ? times[i + 1] : 0;
            double k = i > 0 && s > 0 ? LogRatio(t, s) / (2 * LogRatio(times[i - 1], t)) : 0;
            coefficientUpload.Write<float>(
                Repeated(t, Math.Cos(t), Math.Sin(t), 1 + k, -k, Math.Sin(s) / Math.Sin(t), Math.Sin(t - s) / Math.Sin(t), 1));
            advance.Run();
        }
    }

    /// <summary>Records the network that gives F_g: the guide's, with the images' classes if it has classes, or the model's without them.</summary>
    private Func<Tensor, int, Tensor> RecordGuide(ComputeProgram program, Tensor t, TrigFlowModel? guide) => guide is null
        ? RecordNetwork(program, t, Unlabelled())
        : RecordNetwork(program, t, guide.Network.Config.LabelCount > 0 ? Labels : null, other: guide);

    /// <summary>Labels of a batch without classes.</summary>
    private Tensor Unlabelled()
    {
        Tensor none = Keep(Device.CreateTensor(Labels!.Shape, DType.Int32));
        none.Upload<int>([.. Enumerable.Repeat(-1, none.Count)]);
        return none;
    }

    private static Tensor RecordGuided(ComputeProgram program, Tensor own, Tensor other, float guidance, Tensor one)
    {
        Tensor f = program.Allocate(own.Shape);
        Combine.Into(program, own, one, guidance, other, one, 1 - guidance, f);
        return f;
    }

    /// <summary>lambda_s - lambda_t = ln(tan t / tan s).</summary>
    private static double LogRatio(double t, double s) => Math.Log(Math.Tan(t) / Math.Tan(s));
}
