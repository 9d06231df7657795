using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// What the tensor-core products of sm_80 read. Rows and columns that only fill up a tile must cost no reads, which no result
/// shows: what is computed of them is not stored.
/// </summary>
public class MmaReadTests
{
    private const int Piece = 8, PieceBytes = 16;

    public static TheoryData<string, int> Products
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (MmaTile tile in MmaTile.All)
            {
                data.Add(tile.ToString(), 1);
                data.Add(tile.ToString(), 3);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void Forward_reads_a_filter_once_for_each_tile_of_pixels(string name, int size)
    {
        MmaTile tile = Tile(name);
        var e = new ConvExtents { N = 3, H = 11, W = 9, C = 40, K = tile.Columns + 8, R = size };
        var reads = new Reads();
        (int x, int weight, int y) = (reads.Put(e.Pixels * e.C), reads.Put(e.K * e.Taps * e.C), reads.Put(e.Pixels * e.K));
        MmaForwardArguments arguments = new() { X = x, Weight = weight, Y = y, Problem = MmaProblem.Of(e), Tile = tile.Shape, Grouped = tile.GroupedTiles, Alpha = 1 };
        reads.Run("ForwardKernel", tile, tile.Count(e.Pixels, e.K), arguments);
        int rows = Tiles(e.Pixels, tile.Rows), columns = Tiles(e.K, tile.Columns);
        reads.Expect("filters", weight, e.K * e.Taps * e.C, _ => rows);
        reads.Expect("pixels", x, e.Pixels * e.C, i => columns * Neighbours(e, i / e.C));
        reads.ExpectNothingElse();
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void The_input_s_gradient_reads_a_filter_once_for_each_tile_of_pixels(string name, int size)
    {
        MmaTile tile = Tile(name);
        var e = new ConvExtents { N = 3, H = 11, W = 9, C = tile.Columns + 8, K = 40, R = size };
        var reads = new Reads();
        (int dy, int weight, int dx) = (reads.Put(e.Pixels * e.K), reads.Put(e.K * e.Taps * e.C), reads.Put(e.Pixels * e.C));
        MmaInputGradientArguments arguments = new() { Dy = dy, Weight = weight, Dx = dx, Problem = MmaProblem.Of(e), Tile = tile.Shape, Grouped = tile.GroupedTiles, Alpha = 1 };
        reads.Run("InputGradientKernel", tile, tile.Count(e.Pixels, e.C), arguments);
        int rows = Tiles(e.Pixels, tile.Rows), columns = Tiles(e.C, tile.Columns);
        reads.Expect("filters", weight, e.K * e.Taps * e.C, _ => rows);
        reads.Expect("pixels", dy, e.Pixels * e.K, i => columns * Neighbours(e, i / e.K));
        reads.ExpectNothingElse();
    }

    [Theory]
    [MemberData(nameof(Products))]
    public void The_weight_s_gradient_reads_a_pixel_once_for_each_tile_and_tap(string name, int size)
    {
        MmaTile tile = Tile(name);
        var e = new ConvExtents { N = 2, H = 3, W = 9, C = tile.Columns + 8, K = tile.Rows + 8, R = size };
        var reads = new Reads();
        (int x, int dy, int sums) = (reads.Put(e.Pixels * e.C), reads.Put(e.Pixels * e.K), reads.Put(2 * e.K * e.Taps * e.C)); // fp32
        MmaWeightGradientArguments arguments = new MmaPixelSplit(tile, 1, Tiles(e.Pixels, MmaTile.Depth) * MmaTile.Depth).Arguments(e);
        (arguments.X, arguments.Dy, arguments.Partials, arguments.Alpha) = (x, dy, sums, 1);
        reads.Run("WeightGradientKernel", tile, e.Taps * tile.Count(e.K, e.C), arguments);
        int rows = Tiles(e.K, tile.Rows), columns = Tiles(e.C, tile.Columns);
        reads.Expect("cotangents", dy, e.Pixels * e.K, _ => columns * e.Taps);
        reads.Expect("pixels", x, e.Pixels * e.C, i => rows * Neighbours(e, i / e.C));
        reads.ExpectNothingElse();
    }

    /// <summary>Pixels of the image at the taps around one: as many have it at a tap of theirs.</summary>
    private static int Neighbours(ConvExtents e, int pixel)
    {
        int h = pixel / e.W % e.H, w = pixel % e.W, reach = e.R / 2;
        return (Math.Min(e.H - 1, h + reach) - Math.Max(0, h - reach) + 1) * (Math.Min(e.W - 1, w + reach) - Math.Max(0, w - reach) + 1);
    }

    private static MmaTile Tile(string name) => MmaTile.All.Single(tile => tile.ToString() == name);

    private static int Tiles(int count, int extent) => (count + extent - 1) / extent;

    /// <summary>Number of times that a kernel copies each piece of the test's memory.</summary>
    private sealed class Reads
    {
        private readonly PtxMachineMemory memory = new();
        private readonly Dictionary<int, int> counts = [];

        public int Put(int elements) => memory.Put(new BFloat16[elements]);

        public void Run<T>(string kernel, MmaTile tile, int blocks, T arguments)
            where T : unmanaged
        {
            PtxKernelSpec specification = MmaProduct.Specifications().First(each => each.Method.Name == kernel && each.Variant.StartsWith($"{tile} ", StringComparison.Ordinal));
            var machine = new PtxMachine(specification, memory.Bytes) { Read = (at, bytes) => counts[at] = counts.GetValueOrDefault(at) + bytes / PieceBytes };
            machine.Run(blocks, in arguments);
        }

        /// <summary>Checks a tensor's counts, by the first element of each piece, and strikes them off.</summary>
        public void Expect(string what, int start, int elements, Func<int, int> times)
        {
            for (int i = 0; i < elements; i += Piece)
            {
                counts.Remove(start + 2 * i, out int count);
                Assert.True(count == times(i), $"{what}: the piece at element {i} of {elements} is read {count} times, not {times(i)}");
            }
        }

        public void ExpectNothingElse() => Assert.True(counts.Count == 0, $"{counts.Count} pieces outside of the operands are read");
    }
}
