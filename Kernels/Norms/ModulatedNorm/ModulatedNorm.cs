using TrigFlowNative.Engine;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// What lies between the two convolutions of an EDM2 block: y = gain silu(N(x) s + b), with N(x) = x / (sqrt(mean x^2) + epsilon), the mean over the
/// channels of a pixel, and a scale s and shift b of each channel and image (adaptive double normalisation, arXiv:2410.11081, section 4.1, in the form of
/// arXiv:2312.02696). Without a norm N(x) = x, without a shift b = 0.
/// </summary>
/// <remarks>
/// With n the root, r = 1 / (n + epsilon), u = N(x) s + b and f(u) = gain silu(u): tangent tN = r tx - x r^2 mean(x tx) / n, ty = f'(u) (tN s + N ts + tb).
/// Backward: du = f'(u) dy, db += sum over pixels of du, ds += sum over pixels of N du, and with dN = s du: dx += r dN - x r^2 mean(x dN) / n, since the
/// Jacobian of N is symmetric. In a pixel of zeros, the terms with 1 / n are 0. Only x is kept for the backward pass.
/// </remarks>
public static partial class ModulatedNorm
{
    private const string Name = "modulated-norm";

    /// <summary>Applies the op; the output carries a tangent if x does.</summary>
    /// <param name="program">Program that records the op.</param>
    /// <param name="x">(N, H, W, C), fp32 or, on a GPU, bf16; y has the type of x.</param>
    /// <param name="modulation">(N, 2 C), the scale, then the shift, or (N, C), the scale alone; fp32. May carry a tangent if x does.</param>
    /// <param name="options">Norm, gain and epsilon.</param>
    /// <param name="dropout">Stream of the mask of a <see cref="Dropout"/> that follows, or null. Fused where the fast kernels run.</param>
    /// <param name="dropoutRate">Probability that an element is dropped, in [0, 1).</param>
    /// <returns>(N, H, W, C).</returns>
    /// <exception cref="ArgumentException">Shapes or types do not fit, x is bf16 on the host, or the modulation is dual but x is not.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The rate is outside [0, 1).</exception>
    /// <exception cref="InvalidOperationException">The program is compiled.</exception>
    public static Tensor Apply(
        ComputeProgram program, Tensor x, Tensor modulation, ModulatedNormOptions options, RandomSource? dropout = null, float dropoutRate = 0f)
    {
        Expect.Activations(Name, x);
        Expect.Float32(Name, modulation);
        if (x.Shape.Rank != 4)
            throw new ArgumentException($"{Name}: x is {x}, not (N, H, W, C)");
        bool shift = modulation.Shape == new Shape(x.Shape.N, 2 * x.Shape.C);
        if (!shift && modulation.Shape != new Shape(x.Shape.N, x.Shape.C))
            throw new ArgumentException($"{Name}: the modulation {modulation} does not fit x {x}: a scale and perhaps a shift for each channel");
        if (modulation.HasTangent && !x.HasTangent)
            throw new ArgumentException($"{Name}: the modulation {modulation} carries a tangent but x {x} does not");
        if (!(dropoutRate >= 0f && dropoutRate < 1f))
            throw new ArgumentOutOfRangeException(nameof(dropoutRate), dropoutRate, $"{Name}: the rate must be in [0, 1)");
        bool drops = dropout is not null && dropoutRate > 0f;
        bool fuses = program.Device is GpuDevice gpu && FastTiling.For(gpu, x) is not null;
        if (drops && !fuses)
            return Dropout.Apply(program, Apply(program, x, modulation, options), dropout!, dropoutRate);

        Tensor y = program.AllocateLike(x);
        var terms = new Terms(x, modulation, new Extents(x, modulation, options, shift), drops ? Dropout.RuleOf(Name, dropout!, dropoutRate) : null);
        Forward(program, terms, y);
        program.Tape?.Record(y, [x, modulation], () => Backward(program, terms.Primal(), y.Primal));
        program.Tape?.Recompute(y.Primal, () =>
        {
            Tensor again = program.Allocate(y.Shape, type: y.Type);
            Forward(program, terms.Primal(), again);
            return again;
        });
        return y;
    }

    private static void Forward(ComputeProgram program, Terms terms, Tensor y) => program.Emit(
        $"{Name}.{(y.HasTangent ? "tangent" : "forward")}", [terms.X, terms.Modulation, terms.Mask?.Counter], [y],
        cpu => ForwardCpu(cpu, terms, y), gpu => ForwardGpu(gpu, terms, y));

    private static void Backward(ComputeProgram program, Terms terms, Tensor y)
    {
        Tape tape = program.Tape!;
        Tensor dy = tape.Cotangent(y);
        GradientSlot? dx = tape.Slot(program, terms.X), dModulation = tape.Slot(program, terms.Modulation);
        if (dx is null && dModulation is null)
            return;
        FastTiling? fast = program.Device is GpuDevice gpu ? FastTiling.For(gpu, terms.X) : null;
        Extents e = terms.Extents;
        var partials = program.Device is GpuDevice
            ? program.Allocate(fast is { } tiling ? new Shape(tiling.Partials, e.ModulationChannels) : new Shape(2, e.Pixels * e.Images))
            : null;
        program.Emit(
            $"{Name}.backward", [terms.X, terms.Modulation, dy, terms.Mask?.Counter, dx?.ReadTensor, dModulation?.ReadTensor],
            [dx?.Tensor, dModulation?.Tensor, partials],
            cpu => BackwardCpu(cpu, terms, dy, dx, dModulation), gpu => BackwardGpu(gpu, terms, new(dy, dx, dModulation, partials!)));
    }

    /// <summary>The inputs of a pass.</summary>
    private sealed record Terms(Tensor X, Tensor Modulation, Extents Extents, Dropout.Rule? Mask)
    {
        public Terms Primal() => this with { X = X.Primal, Modulation = Modulation.Primal, Extents = Extents.WithoutTangents() };
    }

    private sealed record Gradients(Tensor Dy, GradientSlot? X, GradientSlot? Modulation, Tensor Scratch);

    /// <summary>Extents and constants; also a kernel parameter, hence only fields of four bytes.</summary>
    internal struct Extents
    {
        public int Images, Pixels, Channels;

        /// <summary>2 C with a shift, otherwise C.</summary>
        public int ModulationChannels;

        /// <summary>1 if x carries a tangent, and 1 if the modulation does; otherwise 0.</summary>
        public int Tangent, ModulationTangent;

        /// <summary>1 if x is normalised, otherwise 0.</summary>
        public int Normalised;

        public float Epsilon, Gain;

        /// <summary>1 / C.</summary>
        public float OverChannels;

        public Extents(Tensor x, Tensor modulation, ModulatedNormOptions options, bool shift)
        {
            (Images, Pixels, Channels) = (x.Shape.N, x.Shape.H * x.Shape.W, x.Shape.C);
            ModulationChannels = (shift ? 2 : 1) * Channels;
            (Tangent, ModulationTangent) = (x.HasTangent ? 1 : 0, modulation.HasTangent ? 1 : 0);
            (Normalised, Epsilon, Gain, OverChannels) = (options.Normalises ? 1 : 0, options.Epsilon, options.Gain, 1f / x.Shape.C);
        }

        /// <summary>1 with a shift, otherwise 0.</summary>
        public readonly int Shifts => ModulationChannels > Channels ? 1 : 0;

        /// <summary>Elements from the primal of x to its tangent.</summary>
        public readonly int TangentOffset => Images * Pixels * Channels;

        /// <summary>Elements from the primal of the modulation to its tangent.</summary>
        public readonly int ModulationTangentOffset => Images * ModulationChannels;

        public readonly Extents WithoutTangents()
        {
            Extents copy = this;
            (copy.Tangent, copy.ModulationTangent) = (0, 0);
            return copy;
        }

        /// <summary>Norm of a pixel with a mean square.</summary>
        public readonly MagnitudeScale Of(float meanSquare) => Normalised == 0 ? MagnitudeScale.None : MagnitudeScale.Of(meanSquare, Epsilon);
    }
}

/// <summary>Constants of a <see cref="ModulatedNorm"/>.</summary>
/// <param name="Normalises">Whether x is normalised; otherwise N(x) = x.</param>
/// <param name="Gain">Factor of the SiLU.</param>
/// <param name="Epsilon">Added to the root mean square; positive.</param>
public sealed record ModulatedNormOptions(bool Normalises = true, float Gain = 1f, float Epsilon = 1e-4f);
