using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Which tile a product gets: none that is mostly empty.</summary>
public class WgmmaTilesTests
{
    private const int Processors = 132;

    [Theory]
    [InlineData(256, 2048, 36, 256)]
    [InlineData(768, 512, 4, 256)]
    [InlineData(384, 512, 54, 192)]
    [InlineData(264, 1758, 45, 136)]
    [InlineData(248, 1758, 45, 248)]
    [InlineData(200, 1688, 36, 200)]
    [InlineData(776, 469, 5, 200)]
    [InlineData(520, 1877, 5, 176)]
    public void Many_tiles_are_as_wide_as_their_columns_share_out(int columns, int boxes, int steps, int width) =>
        Assert.Equal(width, WgmmaTiles.Best(columns, boxes, steps, Processors).Columns);

    [Fact]
    public void Any_number_of_columns_gets_a_tile_that_wgmma_takes_and_leaves_little_over()
    {
        for (int columns = 8; columns <= 1200; columns += 8)
        {
            WgmmaTile tile = WgmmaTiles.Best(columns, boxes: 2000, steps: 36, Processors);
            Assert.InRange(tile.Columns, 8, 256);
            Assert.Equal(0, tile.Columns % 8);
            int tiles = (columns + tile.Columns - 1) / tile.Columns;
            Assert.True(columns % 64 == 0 || tiles * tile.Columns - columns < Math.Max(8 * tiles, columns / 8), $"{columns} columns: {tiles} tiles of {tile.Columns}");
        }
    }
}
