using TrigFlowNative.Kernels;
using TrigFlowNative.Kernels.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>How a product is shared among blocks.</summary>
public class MmaTileTests
{
    public static TheoryData<int, int, int, int, int> Gradients => new()
    {
        { 1, 8, 8, 1, 132 }, { 35, 24, 40, 3, 132 }, { 1025, 264, 8, 3, 108 }, { 1 << 19, 256, 256, 3, 132 }, { 1 << 15, 256, 256, 3, 16 },
    };

    [Theory]
    [MemberData(nameof(Gradients))]
    public void Every_pixel_belongs_to_one_partial_sum_and_none_is_empty(int pixels, int c, int k, int r, int multiprocessors)
    {
        var split = MmaPixelSplit.Of(new ConvExtents { N = pixels, H = 1, W = 1, C = c, K = k, R = r }, multiprocessors);
        Assert.Equal(0, split.Span % MmaTile.Depth);
        Assert.InRange(pixels, (split.Parts - 1) * split.Span + 1, split.Parts * split.Span);
    }

    [Theory]
    [InlineData(4096, 4096, 4096, 1, 132, 1)] // 512 tiles: their sums are stored at once
    [InlineData(4096, 768, 768, 3, 132, 1)]
    [InlineData(4096, 4096, 4096, 1, 108, 1)]
    [InlineData(1 << 16, 768, 256, 1, 132, 22)] // 6 tiles: one block for each multiprocessor, and no more
    [InlineData(1 << 16, 768, 256, 1, 108, 18)]
    public void A_weight_gradient_is_split_only_to_fill_the_gpu(int pixels, int c, int k, int r, int multiprocessors, int parts)
    {
        var split = MmaPixelSplit.Of(new ConvExtents { N = pixels, H = 1, W = 1, C = c, K = k, R = r }, multiprocessors);
        Assert.Equal(parts, split.Parts);
    }

    [Theory]
    [InlineData(1000, 700, 3)]
    [InlineData(128, 64, 16)]
    [InlineData(5000, 257, 16)]
    public void Every_sum_belongs_to_one_warp(int rows, int columns, int grouped)
    {
        foreach (MmaTile tile in MmaTile.All)
        {
            var starts = new HashSet<(int, int)>();
            int blocks = tile.Count(rows, columns);
            for (int block = 0; block < blocks; block++)
            {
                for (int warp = 0; warp < MmaTile.Threads / 32; warp++)
                {
                    var place = new MmaPlace(32 * warp, TileRaster.Of(block, tile.Shape.MTiles(rows), tile.Shape.NTiles(columns), grouped), tile.Shape);
                    Assert.InRange(place.Row, 0, rows - 1);
                    Assert.InRange(place.Column, 0, columns - 1);
                    Assert.True(starts.Add((place.Row + place.WarpRow, place.Column + place.WarpColumn)), $"{tile}: block {block}, warp {warp}");
                }
            }

            Assert.Equal(blocks * tile.Rows * tile.Columns, starts.Count * tile.WarpRows * tile.WarpColumns);
        }
    }

    [Theory]
    [InlineData(1 << 19, 256, "128x256")]
    [InlineData(1 << 19, 128, "256x128")]
    [InlineData(1 << 19, 8, "128x64")]
    [InlineData(1 << 18, 192, "128x192")]
    [InlineData(1 << 14, 576, "128x192")]
    [InlineData(1 << 16, 384, "256x128")]
    [InlineData(1 << 19, 768, "128x256")]
    [InlineData(1024, 1024, "128x64")] // larger tiles would leave most multiprocessors without work
    public void A_product_gets_the_tile_that_wastes_least(int rows, int columns, string tile) =>
        Assert.Equal(tile, MmaTile.For(rows, columns, 132).ToString());

    /// <summary>The 8 pieces that ldmatrix or a quarter of a warp's copies touch at a time lie in the 8 columns of 16 bytes of shared memory.</summary>
    [Fact]
    public void Shared_memory_is_read_and_written_without_conflicts()
    {
        foreach (MmaTile tile in MmaTile.All)
        {
            (string Name, Func<int, int> Address)[] accesses =
            [
                ("row copies", thread => MmaLayout.Row(thread / 4, thread % 4)),
                ("column copies", thread => MmaLayout.Column(thread / 4, thread % 4)),
                ("line copies", thread => MmaLayout.Line(thread / 8, thread % 8, 2 * tile.Columns)),
                ("rows", lane => MmaLayout.RowFragment(tile.WarpRows, lane)),
                ("columns", lane => MmaLayout.ColumnFragment(tile.WarpColumns, lane)),
                ("rows in lines", lane => MmaLayout.RowLineFragment(tile.WarpRows, lane, 2 * tile.Rows)),
                ("columns in lines", lane => MmaLayout.ColumnLineFragment(tile.WarpColumns, lane, 2 * tile.Columns)),
            ];
            foreach ((string name, Func<int, int> address) in accesses)
                for (int first = 0; first < 32; first += 8)
                    Assert.True(Enumerable.Range(first, 8).Select(lane => address(lane) / 16 % 8).Distinct().Count() == 8, $"{tile}: {name} from lane {first} on");
        }
    }
}
