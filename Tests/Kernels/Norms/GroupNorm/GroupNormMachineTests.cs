using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The fast kernels' text, run by <see cref="PtxMachine"/> against float64: tiles, rows without pixels, clusters with empty blocks.</summary>
public class GroupNormMachineTests
{
    private const double Tolerance = 5e-3;
    private const float Epsilon = 1e-6f, Rate = 0.2f, Factor = -0.75f;

    public static TheoryData<string, int[], int[], bool, bool, bool, int> Cases => new()
    {
        // Name; N, H, W, C, groups; vectors, rows, cluster, steps; SiLU, also taking a deferred gradient along; modulated, also adding to gradients;
        // dropout; channels of the first source.
        { "rows to spare", [2, 5, 3, 32, 8], [2, 16, 1, 1], true, true, false, 32 },
        { "many steps", [1, 8, 5, 32, 4], [4, 8, 1, 5], false, false, true, 32 },
        { "many steps that add", [1, 8, 5, 32, 4], [4, 8, 1, 5], true, true, false, 32 },
        { "groups of 6 in three runs", [1, 7, 5, 24, 4], [3, 32, 1, 2], true, true, true, 24 },
        { "a cluster of two", [1, 7, 5, 48, 4], [3, 32, 2, 1], true, false, false, 48 },
        { "a cluster with an empty block", [1, 5, 1, 16, 8], [2, 16, 4, 1], true, true, true, 16 },
        { "two sources", [2, 5, 3, 48, 12], [2, 16, 1, 1], true, true, true, 16 },
        { "a group in two sources", [2, 5, 3, 48, 4], [3, 32, 1, 1], true, true, false, 32 },
        { "two sources, a cluster", [2, 7, 5, 48, 4], [3, 32, 2, 1], true, false, false, 24 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_float64(string name, int[] extents, int[] division, bool silu, bool modulated, bool dropping, int first)
    {
        Assert.NotEmpty(name);
        var shape = new Shape(extents[0], extents[1], extents[2], extents[3]);
        var tiling = new OnChipTiling(division[0], division[1], division[2], division[3]);
        var run = new Launches(shape, extents[4], tiling, silu, modulated, dropping, first);
        float[] primal = run.Forward(tangent: false), dual = run.Forward(tangent: true);
        int count = primal.Length;
        Assert.Equal(primal, dual[..count]);
        Near("forward", run.Masked(run.Reference.Y), primal);
        Near("tangent", run.Masked(run.Reference.Tangent(Widen(run.Tx), modulated ? Widen(run.TangentOfModulation) : null)), dual[count..]);

        (float[] dx, float[] dModulation, float[] sums) = run.Backward();
        double[][] expected = run.Reference.Gradients([.. run.Masked(Widen(run.Dy)).Select(g => (double)Rounded((float)g))]);
        // The kernel adds dx to tx, with two sources only in the second; it adds the deferred term in the first.
        Near("dx", [.. expected[0].Select((g, i) => g + (modulated && (first == shape.C || i % shape.C >= first) ? run.Tx[i] : 0) + (silu && i % shape.C < first ? Factor * run.Waiting[i] : 0))], dx);
        if (modulated)
            Near("dmodulation", [.. expected[1].Zip(run.Modulation, (g, there) => g + there)], dModulation);
        if (!modulated)
        {
            Near("dbias", expected[3], run.OverImages(sums.AsSpan(0, sums.Length / 2)));
            Near("dweight", expected[2], run.OverImages(sums.AsSpan(sums.Length / 2)));
        }
    }

    private static void Near(string what, double[] expected, float[] actual)
    {
        double error = OpBattery.RelativeError(expected, actual);
        Assert.True(error <= Tolerance, $"{what} is off by {error:E2} relative L2");
    }

    private static double[] Widen(float[] values) => [.. values.Select(v => (double)v)];

    private static float Rounded(float value) => BFloat16.ToSingle(BFloat16.FromSingle(value));

    /// <summary>Data in a memory of its own and launches on it.</summary>
    private sealed class Launches
    {
        private readonly byte[] memory = new byte[1 << 18];
        private readonly Random random = new(3);
        private readonly Shape shape;
        private readonly OnChipTiling tiling;
        private readonly int groups, first;
        private readonly bool silu, modulated, dropping;
        private readonly long x, xSkip, dy, weight, bias, modulation, statistics, counter;
        private readonly float[] mask;
        private int top = 256;

        public Launches(Shape shape, int groups, OnChipTiling tiling, bool silu, bool modulated, bool dropping, int first)
        {
            (this.shape, this.groups, this.tiling, this.first) = (shape, groups, tiling, first);
            (this.silu, this.modulated, this.dropping) = (silu, modulated, dropping);
            int count = (int)shape.Count, c = shape.C;
            float[] primal = Normal(count, true), weights = Normal(c), biases = Normal(c);
            (Tx, Dy, Waiting, Modulation, TangentOfModulation) = (Normal(count, true), Normal(count, true), Normal(count, true), Normal(2 * shape.N * c), Normal(2 * shape.N * c));
            (x, xSkip) = (Put(Source([.. primal, .. Tx], skip: false)), Put(Source([.. primal, .. Tx], skip: true)));
            dy = Put([.. Dy.Select(BFloat16.FromSingle)]);
            (weight, bias, modulation) = (Put(weights), Put(biases), Put([.. Modulation, .. TangentOfModulation]));
            (statistics, counter) = (Put(new float[5 * shape.N * groups]), Put<int>([3, 40]));
            Reference = new GroupNormReference(shape, groups, silu, Widen(primal), modulated ? Widen(Modulation) : null, Widen(weights), Widen(biases));
            mask = Mask();
        }

        public float[] Tx { get; }

        public float[] Dy { get; }

        public float[] Waiting { get; }

        public float[] Modulation { get; }

        public float[] TangentOfModulation { get; }

        public GroupNormReference Reference { get; }

        public double[] Masked(double[] values) => [.. values.Zip(mask, (v, m) => v * m)];

        public float[] Forward(bool tangent)
        {
            int tiles = tangent ? 2 : 1;
            long y = Put(new BFloat16[tiles * shape.Count]);
            Run(GroupNormPtx.Forward(tiling, "sm_90a", tangent, silu, dropping), new GroupNorm.OnChipForward { In = Inputs(tangent, tiles), Y = y });
            return Elements(y, tiles * (int)shape.Count);
        }

        /// <summary>dx, added to tx if modulated and taking a deferred gradient along with SiLU; the modulation's gradient, added to the modulation; the sums of each image.</summary>
        public (float[] Dx, float[] Modulation, float[] Sums) Backward()
        {
            var arguments = new GroupNorm.OnChipBackward
            {
                In = Inputs(tangent: false, tiles: 2),
                Dy = dy,
                Dx = new() { X = Put(Source(Tx, skip: false)), XSkip = Put(Source(Tx, skip: true)) },
                Deferred = new() { X = Put(Source(Waiting, skip: false)) },
                Factor = Factor,
                ChannelSums = Put(new float[2 * shape.N * shape.C]),
                DModulation = Put(Modulation),
                Write = modulated ? 1 : -1,
                Input = 1,
                Adds = first == shape.C ? 1 : 2,
                Takes = silu ? 1 : 0,
            };
            Run(GroupNormPtx.Backward(tiling, "sm_90a", silu, add: modulated, deferred: silu, dropping), arguments);
            (long dx, long dxSkip) = (arguments.Dx.X, arguments.Dx.XSkip);
            float[] gradient = new float[shape.Count], parts = [.. Elements(dx, (int)shape.Count / shape.C * first), .. Elements(dxSkip, (int)shape.Count / shape.C * (shape.C - first))];
            for (int i = 0; i < gradient.Length; i++)
                gradient[i] = parts[i % shape.C < first ? i / shape.C * first + i % shape.C : gradient.Length / shape.C * first + i / shape.C * (shape.C - first) + i % shape.C - first];
            return (gradient, Numbers(arguments.DModulation, 2 * shape.N * shape.C), Numbers(arguments.ChannelSums, 2 * shape.N * shape.C));
        }

        private void Run<T>(PtxKernelSpec spec, in T arguments)
            where T : unmanaged =>
            new PtxMachine(spec, memory).Run(shape.N * (shape.C / tiling.Channels) * tiling.Cluster, arguments);

        private GroupNorm.OnChipInputs Inputs(bool tangent, int tiles)
        {
            var extents = new GroupNorm.Extents
            {
                Images = shape.N,
                Pixels = shape.H * shape.W,
                Channels = shape.C,
                Groups = groups,
                GroupChannels = shape.C / groups,
                Silu = silu ? 1 : 0,
                Modulated = modulated ? 1 : 0,
                Tangent = tangent ? 1 : 0,
                ModulationTangent = modulated && tangent ? 1 : 0,
                Epsilon = Epsilon,
            };
            return new GroupNorm.OnChipInputs
            {
                X = new() { X = x, XSkip = xSkip },
                FirstChannels = first,
                Half = silu ? 0.5f : 1f,
                Weight = weight,
                Bias = bias,
                Modulation = modulation,
                Statistics = statistics,
                Extents = extents,
                Grid = new(tiling, extents, tiles),
                Dropout = new() { Counter = counter, Stream = new() { Purpose = 5, Key0 = 77 }, Limit = (uint)(Rate * (1 << 24)) << 8, Scale = 1f / (1f - Rate) },
            };
        }

        /// <summary>The channels of a source, in bf16.</summary>
        private BFloat16[] Source(float[] values, bool skip) =>
            [.. values.Where((_, i) => i % shape.C >= first == skip).Select(BFloat16.FromSingle)];

        /// <summary>Sums (N, C) over the images.</summary>
        public float[] OverImages(ReadOnlySpan<float> sums)
        {
            float[] result = new float[shape.C];
            for (int i = 0; i < sums.Length; i++)
                result[i % shape.C] += sums[i];
            return result;
        }

        /// <summary>The result of the op Dropout for ones.</summary>
        private float[] Mask()
        {
            ComputeDevice device = TestDevices.Get("cpu");
            using var program = new ComputeProgram(device);
            Tensor ones = device.CreateTensor(shape, [.. Enumerable.Repeat(1f, (int)shape.Count)]), kept = device.CreateTensor(shape);
            Tensor step = device.CreateTensor(new Shape(2), DType.Int32);
            step.Upload<int>([3, 40]);
            Copy.Into(program, dropping ? Dropout.Apply(program, ones, new RandomSource(77, (RandomPurpose)5, step), Rate) : ones, kept);
            program.Run();
            return kept.ToArray();
        }

        private long Put<T>(T[] values)
            where T : unmanaged
        {
            ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(values.AsSpan());
            int start = top;
            bytes.CopyTo(memory.AsSpan(start));
            top = (start + bytes.Length + 255) / 256 * 256;
            return start;
        }

        private float[] Elements(long start, int count) =>
            [.. MemoryMarshal.Cast<byte, BFloat16>(memory.AsSpan((int)start))[..count].ToArray().Select(BFloat16.ToSingle)];

        private float[] Numbers(long start, int count) => MemoryMarshal.Cast<byte, float>(memory.AsSpan((int)start))[..count].ToArray();

        private float[] Normal(int count, bool rounded = false) => [.. Enumerable.Range(0, count).Select(_ =>
        {
            float value = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
            return rounded ? Rounded(value) : value;
        })];
    }
}
