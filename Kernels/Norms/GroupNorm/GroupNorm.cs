using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Group normalisation (arXiv:1803.08494, eq. 1 to 6), with the adaptive scale and shift of a time embedding and SiLU fused
/// in: y = act(n scale + shift), n = (x - mean) / sqrt(var + epsilon) * weight + bias, mean and biased variance over the pixels
/// and channels of a group. Without modulation scale = 1 and shift = 0; without SiLU act is the identity.
/// </summary>
/// <remarks>
/// With z the normalised value before weight and bias, rho = 1 / sqrt(var + epsilon), h the argument of act, mean over a group:
/// tangent tz = rho (tx - mean(tx) - z mean(z tx)), ty = act'(h) (weight tz scale + n tscale + tshift); backward dh = act'(h) dy,
/// dz = weight scale dh, dx += rho (dz - mean(dz) - z mean(z dz)), dshift += sum_p dh, dscale += sum_p n dh,
/// dbias += sum_np scale dh, dweight += sum_np scale z dh. Only three numbers a group are kept for the backward pass,
/// which computes n and act' again. Double normalisation (arXiv:2410.11081, section 4.1) gives scale and shift that went
/// through <see cref="PixelNorm"/>; there is no "1 +" to the scale.
/// </remarks>
public static partial class GroupNorm
{
    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32 or, on a GPU, bf16; y has the type of x, everything else is fp32.</param>
    /// <param name="weight">(C).</param>
    /// <param name="bias">(C).</param>
    /// <param name="groups">Groups of consecutive channels; divides C.</param>
    /// <param name="silu">Whether act is SiLU.</param>
    /// <param name="modulation">(N, 2 C): scale, then shift; or null. May carry a tangent if x does.</param>
    /// <param name="epsilon">Added to the variance; positive.</param>
    /// <param name="dropout">Stream of the mask of a <see cref="Dropout"/> that follows, or null. Fused where the fast kernels run.</param>
    /// <param name="dropoutRate">Probability that an element is dropped, in [0, 1).</param>
    /// <param name="xSkip">
    /// (N, H, W, C2), of the type of x, or null: the op is then applied to the <see cref="Concat"/> of x and xSkip, which the fast kernels read
    /// without a copy, and C is the number of channels of both.
    /// </param>
    /// <returns>(N, H, W, C).</returns>
    /// <exception cref="ArgumentException">
    /// Shapes or types do not fit, x is bf16 on the host, a weight is dual, the modulation is dual but x is not, or epsilon is not positive.
    /// </exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor x, Tensor weight, Tensor bias, int groups, bool silu = false, Tensor? modulation = null,
        float epsilon = 1e-6f, RandomSource? dropout = null, float dropoutRate = 0f, Tensor? xSkip = null) =>
        Apply(program, x, weight, bias, groups, silu, modulation, epsilon, dropout, dropoutRate, portable: false, xSkip);

    /// <summary>
    /// Whether the fast kernels normalise over two tensors, (N, H, W, C) and (N, H, W, C2), without a copy. They do not take the same tensor twice,
    /// since blocks would add to one gradient at the same time.
    /// </summary>
    public static bool TakesTwoSources(ComputeDevice device, Tensor x, Tensor xSkip, int groups) =>
        !ReferenceEquals(x, xSkip) && xSkip.HasTangent == x.HasTangent && xSkip.Type == x.Type && Path.For(device, x, xSkip, groups).Fuses;

    /// <summary>Applies the op as above, but only with the portable kernels if <paramref name="portable"/>: the reference of the fast ones.</summary>
    internal static Tensor Apply(
        ComputeProgram program, Tensor x, Tensor weight, Tensor bias, int groups, bool silu, Tensor? modulation, float epsilon,
        RandomSource? dropout, float dropoutRate, bool portable, Tensor? xSkip = null)
    {
        if (xSkip is not null && (portable || x.Shape.Rank != 4 || xSkip.Shape.Rank != 4 || !TakesTwoSources(program.Device, x, xSkip, groups)))
            return Apply(program, Concat.Apply(program, x, xSkip), weight, bias, groups, silu, modulation, epsilon, dropout, dropoutRate, portable);
        int channels = x.Shape.C + (xSkip?.Shape.C ?? 0);
        Check(program.Device, x, channels, weight, bias, groups, modulation, epsilon);
        if (xSkip is not null && xSkip.Shape != new Shape(x.Shape.N, x.Shape.H, x.Shape.W, xSkip.Shape.C))
            throw new ArgumentException($"groupnorm: {xSkip} does not continue the channels of {x}");
        Mask? mask = MaskOf(dropout, dropoutRate);
        Path path = portable ? new PortablePath() : Path.For(program.Device, x, xSkip, groups);
        if (mask is not null && !path.Fuses)
        {
            Tensor normalised = Apply(program, x, weight, bias, groups, silu, modulation, epsilon, dropout: null, 0f, portable);
            return Dropout.Apply(program, normalised, dropout!, dropoutRate);
        }

        Tensor y = program.Allocate(new Shape(x.Shape.N, x.Shape.H, x.Shape.W, channels), x.HasTangent, x.Type);
        var extents = new Extents(x, channels, modulation, groups, silu, epsilon);
        Tensor statistics = program.Allocate(new Shape(x.HasTangent ? 5 : 3, x.Shape.N, groups));
        var terms = new Terms(x, xSkip, weight, bias, modulation, y, statistics, extents, path, mask);
        program.Emit(
            x.HasTangent ? "groupnorm.tangent" : "groupnorm.forward", [x, xSkip, weight, bias, modulation, mask?.Counter], [y, statistics],
            cpu => ForwardCpu(cpu, terms), gpu => path.Forward(gpu, terms));
        program.Tape?.Record(y, [x, xSkip, weight, bias, modulation], () => Backward(program, terms with
        {
            X = x.Primal,
            XSkip = xSkip?.Primal,
            Modulation = modulation?.Primal,
            Y = y.Primal,
            Extents = new Extents(x.Primal, channels, modulation?.Primal, groups, silu, epsilon),
        }));
        return y;
    }

    private static void Check(
        ComputeDevice device, Tensor x, int channels, Tensor weight, Tensor bias, int groups, Tensor? modulation, float epsilon)
    {
        Expect.Float32("groupnorm", weight, bias, modulation);
        if (x.Type != DType.BFloat16)
            Expect.Float32("groupnorm", x);
        else if (device is CpuDevice)
            throw new ArgumentException($"groupnorm: x is {x}, and bf16 needs a GPU");
        if (x.Shape.Rank != 4)
            throw new ArgumentException($"groupnorm: x is (N, H, W, C), not {x}");
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"groupnorm: {groups} groups do not divide the channels of {x}");
        var perChannel = new Shape(channels);
        if (weight.Shape != perChannel || bias.Shape != perChannel || weight.HasTangent || bias.HasTangent)
            throw new ArgumentException($"groupnorm: weight {weight} and bias {bias} do not fit x {x}");
        if (modulation is not null && modulation.Shape != new Shape(x.Shape.N, 2 * channels))
            throw new ArgumentException($"groupnorm: the modulation {modulation} does not fit x {x}, scale and shift for each channel");
        if (modulation is { HasTangent: true } && !x.HasTangent)
            throw new ArgumentException($"groupnorm: the modulation {modulation} carries a tangent but x {x} does not");
        if (!(epsilon > 0))
            throw new ArgumentException($"groupnorm: epsilon is {epsilon}, not positive");
    }

    private static void Backward(ComputeProgram program, Terms terms)
    {
        Tape tape = program.Tape!;
        Extents s = terms.Extents;
        if (tape.Cotangent(terms.Y) is var dy && dy.Type != terms.X.Type)
            throw new ArgumentException($"groupnorm: the cotangent {dy} is not stored like x {terms.X}");
        DeferredGradient? deferred = Taken(tape, terms, terms.X), deferredSkip = Taken(tape, terms, terms.XSkip);
        GradientSlot? dx = tape.Slot(program, terms.X), dxSkip = terms.XSkip is null ? null : tape.Slot(program, terms.XSkip);
        if (terms.XSkip is not null && dx is null != dxSkip is null)
        {
            // the kernel writes both or neither
            dx ??= new GradientSlot(program.Allocate(terms.X.Shape, type: terms.X.Type), false);
            dxSkip ??= new GradientSlot(program.Allocate(terms.XSkip.Shape, type: terms.X.Type), false);
        }

        var gradients = new Gradients(
            dy,
            program.Allocate(new Shape(2, s.Images, s.Channels)), program.Allocate(new Shape(2, s.Images, s.Groups)),
            dx, dxSkip, deferred, deferredSkip, tape.Slot(program, terms.Weight), tape.Slot(program, terms.Bias),
            terms.Modulation is null ? null : tape.Slot(program, terms.Modulation));
        program.Emit(
            "groupnorm.backward",
            [
                terms.X, terms.XSkip, terms.Weight, terms.Bias, terms.Modulation, terms.Statistics, terms.Dropout?.Counter, gradients.Dy,
                gradients.X?.ReadTensor, gradients.XSkip?.ReadTensor, deferred?.Cotangent, deferredSkip?.Cotangent, gradients.Weight?.ReadTensor, gradients.Bias?.ReadTensor, gradients.Modulation?.ReadTensor,
            ],
            [
                gradients.ChannelSums, gradients.GroupMeans,
                gradients.X?.Tensor, gradients.XSkip?.Tensor, gradients.Weight?.Tensor, gradients.Bias?.Tensor, gradients.Modulation?.Tensor,
            ],
            cpu => BackwardCpu(cpu, terms, gradients), gpu => BackwardGpu(gpu, terms, gradients));
    }

    /// <summary>Takes the deferred gradient of a source if the fast kernel can add it in its own pass; otherwise a step of its own has written it before.</summary>
    private static DeferredGradient? Taken(Tape tape, Terms terms, Tensor? source)
    {
        if (!terms.Path.Fuses || source is null || !tape.NeedsGradient(source) || tape.TakeDeferred(source) is not { } waiting)
            return null;
        if (waiting.Cotangent.Type == source.Type)
            return waiting;
        waiting.Write();
        return null;
    }

    private static Mask? MaskOf(RandomSource? random, float rate)
    {
        if (random is null)
            return null;
        if (!(rate >= 0f && rate < 1f))
            throw new ArgumentOutOfRangeException(nameof(rate), rate, "groupnorm: a rate of dropout lies in [0, 1)");
        return rate == 0f ? null : new Mask(RandomStream.Of("groupnorm", random), random.Counter, (uint)(rate * (1 << 24)) << 8, 1f / (1f - rate));
    }

    /// <summary>The elements that are kept, whose word is <paramref name="Limit"/> or more, and their factor: the rule of <see cref="Dropout"/>.</summary>
    private sealed record Mask(RandomStream Stream, Tensor Counter, uint Limit, float Scale);

    /// <summary>The tensors of one application. Statistics: planes of (N, groups), see <see cref="GroupStatistics"/>.</summary>
    private sealed record Terms(
        Tensor X, Tensor? XSkip, Tensor Weight, Tensor Bias, Tensor? Modulation, Tensor Y, Tensor Statistics, Extents Extents, Path Path, Mask? Dropout);

    /// <summary>The tensors of one backward pass; null for a gradient that is not computed.</summary>
    /// <param name="Dy">Cotangent of y.</param>
    /// <param name="ChannelSums">Scratch (2, N, C): sum_p dh, then sum_p z dh.</param>
    /// <param name="GroupMeans">Scratch (2, N, groups): mean(dz), then mean(z dz).</param>
    /// <param name="X">Gradient of x.</param>
    /// <param name="XSkip">Gradient of xSkip.</param>
    /// <param name="Deferred">The deferred term of the gradient of x.</param>
    /// <param name="DeferredSkip">The deferred term of the gradient of xSkip.</param>
    /// <param name="Weight">Gradient of the weight.</param>
    /// <param name="Bias">Gradient of the bias.</param>
    /// <param name="Modulation">Gradient of the modulation.</param>
    private sealed record Gradients(
        Tensor Dy, Tensor ChannelSums, Tensor GroupMeans,
        GradientSlot? X, GradientSlot? XSkip, DeferredGradient? Deferred, DeferredGradient? DeferredSkip, GradientSlot? Weight, GradientSlot? Bias, GradientSlot? Modulation);
}
