using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>The tensor-core products of sm_80 without a GPU: their text, and its results when the host executes it.</summary>
public class MmaPtxTests
{
    private const int Tensors = 5, Tensor = 1 << 22;
    private const float Alpha = 0.5f, Beta = 2f;

    public static TheoryData<string> Variants => [.. MmaProduct.Specifications().Select(Name)];

    /// <summary>Kernels by the beginning of their names, with extents.</summary>
    public static TheoryData<string, int[]> Runs
    {
        get
        {
            var data = new TheoryData<string, int[]>();
            foreach (PtxKernelSpec specification in MmaProduct.Specifications())
            {
                data.Add(Name(specification), [1, 5, 7, 24, 40, 3]);
                data.Add(Name(specification), [2, 3, 9, 40, 8, 1]);
            }

            // More than one tile each way, more rounds than stages, images narrower than a step of pixels and rows wider.
            foreach (MmaTile tile in MmaTile.All)
            {
                data.Add($"ForwardKernel/{tile} BFloat16 bias residual", [3, 11, 9, 72, tile.Columns + 8, 3]);
                data.Add($"InputGradientKernel/{tile} BFloat16 residual", [3, 11, 9, tile.Columns + 8, 72, 3]);
                data.Add($"WeightGradientKernel/{tile} Float32", [2, 3, 45, tile.Columns + 8, tile.Rows + 8, 3]);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_variant_s_text_is_complete(string name)
    {
        (string text, string entry) = Specification(name).Compile();
        Assert.DoesNotContain("@@", text, StringComparison.Ordinal);
        Assert.DoesNotContain("$", text, StringComparison.Ordinal);
        Assert.DoesNotContain(".local", text, StringComparison.Ordinal);
        Assert.Contains($".visible .entry {entry}", text, StringComparison.Ordinal);
        MmaTile tile = MmaTile.All.Single(tile => name.Contains($"/{tile} ", StringComparison.Ordinal));
        Assert.Equal(2 * tile.RowFragments * tile.ColumnFragments, Occurrences(text, "mma.sync"));
        Assert.Equal(3 * (tile.RowFragments + tile.ColumnFragments / 2), Occurrences(text, "ldmatrix"));
        Assert.True(tile.SharedBytes <= 99 << 10, "sm_86 and sm_89 have 99 KiB for a block");
    }

    [Fact]
    public void Variants_of_equal_names_have_equal_text()
    {
        PtxKernelSpec[] all = [.. MmaProduct.Specifications()];
        Assert.Equal(all.Length, all.Select(specification => specification.Key).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_text_computes_the_product(string name, int[] extents)
    {
        var run = new MmaCase(extents[0], extents[1], extents[2], extents[3], extents[4], extents[5]);
        if (name.StartsWith("Forward", StringComparison.Ordinal))
            Forward(name, run);
        else if (name.StartsWith("Input", StringComparison.Ordinal))
            InputGradient(name, run);
        else
            WeightGradient(name, run);
    }

    private static void Forward(string name, MmaCase run)
    {
        (MmaTile tile, bool bf16) = Describe(name);
        ConvExtents e = run.Extents;
        int biased = e.Pixels / 2 + 1;
        byte[] memory = new byte[Tensors * Tensor];
        Write(memory, 0, run.X, true);
        Write(memory, 1, run.Weight, true);
        Write(memory, 2, run.Bias, false);
        Write(memory, 3, run.YBefore, bf16);
        MmaForwardArguments arguments = new()
        {
            X = At(0),
            Weight = At(1),
            Bias = At(2),
            Residual = At(3),
            Y = At(3),
            Problem = MmaProblem.Of(e),
            Tile = tile.Shape,
            Grouped = tile.GroupedTiles,
            BiasedRows = biased,
            Alpha = Alpha,
            Beta = Beta,
        };
        Execute(name, memory, arguments, tile.Count(e.Pixels, e.K));
        Check(memory, 3, run.YBefore.Length, bf16, i => Alpha * (run.Output(i) + (Has(name, "bias") && i / e.K < biased ? run.Bias[i % e.K] : 0))
            + (Has(name, "residual") ? Beta * run.YBefore[i] : 0));
    }

    private static void InputGradient(string name, MmaCase run)
    {
        (MmaTile tile, bool bf16) = Describe(name);
        ConvExtents e = run.Extents;
        byte[] memory = new byte[Tensors * Tensor];
        Write(memory, 0, run.Dy, true);
        Write(memory, 1, run.Weight, true);
        Write(memory, 2, run.DxBefore, bf16);
        MmaInputGradientArguments arguments = new()
        {
            Dy = At(0),
            Weight = At(1),
            Dx = At(2),
            Problem = MmaProblem.Of(e),
            Tile = tile.Shape,
            Grouped = tile.GroupedTiles,
            Alpha = Alpha,
        };
        Execute(name, memory, arguments, tile.Count(e.Pixels, e.C));
        Check(memory, 2, run.DxBefore.Length, bf16, i => Alpha * run.InputGradient(i) + (Has(name, "residual") ? run.DxBefore[i] : 0));
    }

    private static void WeightGradient(string name, MmaCase run)
    {
        (MmaTile tile, _) = Describe(name);
        ConvExtents e = run.Extents;
        const int span = 5 * MmaTile.Depth;
        int parts = (e.Pixels + span - 1) / span, count = run.Weight.Length;
        byte[] memory = new byte[Tensors * Tensor];
        Write(memory, 0, run.X, true);
        Write(memory, 1, run.Dy, true);
        bool adds = Has(name, "residual");
        float[] before = adds ? [.. Enumerable.Range(0, parts * count).Select(i => i % 7 - 3f)] : [];
        Write(memory, 2, before, false);
        MmaWeightGradientArguments arguments = new MmaPixelSplit(tile, parts, span).Arguments(e);
        (arguments.X, arguments.Dy, arguments.Partials, arguments.Alpha) = (At(0), At(1), At(2), Alpha);
        Execute(name, memory, arguments, parts * e.Taps * tile.Count(e.K, e.C));
        Check(memory, 2, parts * count, false, i => Alpha * run.WeightGradient(i % count, i / count * span, Math.Min(e.Pixels, (i / count + 1) * span)) + (adds ? before[i] : 0));
    }

    private static void Execute<T>(string name, byte[] memory, T arguments, int blocks)
        where T : unmanaged => new PtxMachine(Specification(name), memory).Run(blocks, in arguments);

    private static void Check(byte[] memory, int tensor, int count, bool bf16, Func<int, double> expected)
    {
        Assert.True(count * 4L < Tensor);
        for (int i = 0; i < count; i++)
        {
            float value = bf16 ? BFloat16.ToSingle(Of<BFloat16>(memory, tensor)[i]) : Of<float>(memory, tensor)[i];
            float wanted = (float)expected(i);
            Assert.True(value == (bf16 ? BFloat16.ToSingle(BFloat16.FromSingle(wanted)) : wanted), $"element {i} of {count} is {value}, not {wanted}");
        }

        Assert.Equal(255, memory[tensor * Tensor + count * (bf16 ? 2 : 4)]); // the bytes after the tensor are untouched
    }

    /// <summary>Tensors are surrounded by bytes of 255, which are NaNs, so that a read beyond an end shows.</summary>
    private static void Write(byte[] memory, int tensor, float[] values, bool bf16)
    {
        if (tensor == 0)
            Array.Fill(memory, (byte)255);
        for (int i = 0; i < values.Length; i++)
        {
            if (bf16)
                Of<BFloat16>(memory, tensor)[i] = BFloat16.FromSingle(values[i]);
            else
                Of<float>(memory, tensor)[i] = values[i];
        }
    }

    private static Span<T> Of<T>(byte[] memory, int tensor)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(memory.AsSpan(tensor * Tensor, Tensor));

    private static long At(int tensor) => tensor * Tensor;

    private static (MmaTile Tile, bool BFloat16) Describe(string name) =>
        (MmaTile.All.Single(tile => name.Contains($"/{tile} ", StringComparison.Ordinal)), Has(name, "BFloat16"));

    private static bool Has(string name, string word) => name.Contains(word, StringComparison.Ordinal);

    private static string Name(PtxKernelSpec specification) => $"{specification.Method.Name}/{specification.Variant}";

    private static PtxKernelSpec Specification(string name) => MmaProduct.Specifications().Single(specification => Name(specification) == name);

    private static int Occurrences(string text, string word) => text.Split(word).Length - 1;
}
