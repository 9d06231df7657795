using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;
using Xunit;
using static TrigFlowNative.Tests.Ptx.PtxMachineMemory;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Weight gradients on Hopper's tensor cores: how they are shared out, and both kernels run by <see cref="PtxMachine"/> on numbers whose sums are exact.</summary>
public class WgmmaGradientTests
{
    /// <summary>N, H, W, C, K, R; columns of a tile; blocks; tiles made alone; splits of k, iterations of a split and of a block without one; whether it adds.</summary>
    public static TheoryData<int[], int, int, int, int[], bool> Problems => new()
    {
        { [2, 5, 7, 24, 40, 3], 64, 3, 9, [0, 0, 0], true }, // nine tiles by three blocks
        { [2, 5, 7, 24, 40, 3], 256, 3, 3, [0, 0, 0], false },
        { [3, 9, 4, 72, 136, 3], 192, 24, 0, [2, 2, 0], true }, // three boxes, the second range shorter
        { [3, 9, 4, 72, 136, 3], 256, 11, 0, [1, 2, 10], false }, // the last block takes the last box of all tiles
        { [1, 1, 300, 72, 8, 1], 128, 4, 0, [2, 2, 1], true }, // five boxes: two ranges and one left over
        { [1, 1, 700, 8, 264, 1], 64, 8, 0, [2, 4, 5], true }, // eleven boxes of three tiles: a remainder spans tiles
        { [1, 1, 4480, 8, 8, 1], 64, 70, 0, [70, 1, 0], true }, // more partial sums than the threads of a block load at a time
        { [1, 1, 700, 136, 264, 1], 64, 5, 5, [1, 8, 12], false }, // a wave of whole tiles, then four shared
    };

    [Theory]
    [MemberData(nameof(Problems))]
    public void A_weight_gradient_and_a_bias_s_are_right_in_every_element(int[] extents, int columns, int blocks, int wholeTiles, int[] shares, bool add)
    {
        ConvExtents e = new() { N = extents[0], H = extents[1], W = extents[2], C = extents[3], K = extents[4], R = extents[5] };
        var tile = new WgmmaGradientTile(columns);
        var box = PixelBox.Covering(e, WgmmaTile.Depth);
        int nTiles = (e.Taps * ((e.C + 63) / 64) + tile.Chunks - 1) / tile.Chunks, mTiles = (e.K + 127) / 128, count = e.K * e.Taps * e.C;
        var plan = new StreamKPlan(tile, box, box.Count(e), mTiles, nTiles, blocks, Math.Min(wholeTiles, mTiles * nTiles), shares[0], shares[1], shares[2]);
        Covers(plan);
        var memory = new PtxMachineMemory();
        float[] x = memory.Numbers(e.Pixels * e.C), dy = memory.Numbers(e.Pixels * e.K), old = memory.Numbers(count), oldBias = memory.Numbers(e.K);
        int dyAt = memory.Put(Rounded(dy)), gradient = memory.Put(add ? old : Poison(count)), bias = memory.Put(add ? oldBias : Poison(e.K));
        int partials = memory.Put(Poison(plan.PartialCount + plan.BiasCount(e.K))), biasSums = partials + 4 * plan.PartialCount, maps = memory.Put(new byte[5 * 128]);
        memory.PutImages(maps, dyAt, e, e.K, box);
        int firstChannels = e.C > 64 ? 64 : e.C; // the others lie in a further source
        float[] more = [.. Enumerable.Range(0, e.Pixels).SelectMany(pixel => x[(pixel * e.C + firstChannels)..((pixel + 1) * e.C)])];
        int firstAt = memory.Put(Rounded([.. Enumerable.Range(0, e.Pixels).SelectMany(pixel => x[(pixel * e.C)..(pixel * e.C + firstChannels)])])), moreAt = memory.Put(Rounded(more));
        memory.PutImages(maps + 128, firstAt, e, firstChannels, box);
        memory.PutImages(maps + 256, moreAt, e, e.C - firstChannels, box);
        PtxMachine.EncodeMap(memory.Bytes, maps + 384, gradient, [e.C, e.Taps, e.K], [e.C, e.Taps * e.C], [32, 1, 64], sizeof(float));
        PtxMachine.EncodeMap(memory.Bytes, maps + 512, partials, [columns, 1, plan.SharedTiles * plan.Slots * 128], [columns, columns], [32, 1, 64], sizeof(float));
        const float Alpha = 0.5f;
        bool shared = plan.SharedTiles > 0;
        WeightGradientArguments arguments = plan.Arguments(e, firstChannels);
        (arguments.Maps, arguments.BiasSums) = (maps, shared ? biasSums : bias);
        (arguments.Alpha, arguments.BiasAlpha) = (Alpha, shared ? 1f : Alpha);
        (arguments.Add, arguments.BiasAdd) = (add ? 1 : 0, add && !shared ? 1 : 0);
        new PtxMachine(WgmmaProduct.GradientSpecification(tile), memory.Bytes).Run(plan.Blocks, in arguments);
        if (shared)
        {
            GradientSumArguments sums = plan.SumArguments(e);
            (sums.Partials, sums.BiasSums, sums.Gradient, sums.Bias) = (partials, biasSums, gradient, bias);
            (sums.Alpha, sums.Add, sums.BiasAdd) = (Alpha, add ? 1 : 0, add ? 1 : 0);
            new PtxMachine(WgmmaProduct.SumSpecification(), memory.Bytes).Run(sums.TileBlocks + WgmmaGradientSum.BiasBlocks(e.K), in sums);
        }

        float[] expected = [.. Enumerable.Range(0, count).Select(i => (add ? old[i] : 0) + Alpha * Gradient(e, x, dy, i))];
        float[] expectedBias = [.. Enumerable.Range(0, e.K).Select(k => (add ? oldBias[k] : 0) + Alpha * Enumerable.Range(0, e.Pixels).Sum(pixel => dy[pixel * e.K + k]))];
        Assert.Equal(expected, memory.Singles(gradient, count));
        Assert.Equal(expectedBias, memory.Singles(bias, e.K));
    }

    [Theory]
    [InlineData(64)]
    [InlineData(128)]
    [InlineData(192)]
    [InlineData(256)]
    public void The_text_of_a_tile_is_complete_and_fits(int columns)
    {
        var tile = new WgmmaGradientTile(columns);
        string text = WgmmaProduct.GradientSpecification(tile).Compile().Text;
        Assert.DoesNotContain("@@", text, StringComparison.Ordinal);
        Assert.Equal(4 + 8, text.Split("always, 1, 1, 1, 1;").Length - 1); // with and without the sums of dy
        Assert.Equal(columns / 32, text.Split("cp.reduce.async.bulk.tensor").Length - 1);
        int wait = text.IndexOf(PtxSource.Wait, StringComparison.Ordinal); // for the launch before: once, before warpgroups part
        Assert.Equal(wait, text.LastIndexOf(PtxSource.Wait, StringComparison.Ordinal));
        Assert.InRange(wait, 1, text.IndexOf("setmaxnreg", StringComparison.Ordinal));
        Assert.InRange(tile.SharedBytes, 1, 227 * 1024);
        Assert.InRange(tile.Stages, 4, 8);
    }

    [Theory]
    [InlineData(256, 256, 256, 32, 3)]
    [InlineData(256, 512, 256, 32, 1)]
    [InlineData(256, 384, 256, 32, 3)]
    [InlineData(64, 768, 768, 8, 3)]
    [InlineData(64, 576, 192, 64, 3)]
    [InlineData(1, 8, 8, 5, 3)]
    [InlineData(2, 264, 72, 13, 3)]
    [InlineData(64, 8008, 8000, 12, 1)]
    [InlineData(4, 3000, 3000, 27, 1)]
    public void Every_k_iteration_of_every_tile_is_one_block_s_and_the_slowest_has_little_more_than_the_mean(int n, int c, int k, int size, int r)
    {
        var e = new ConvExtents { N = n, H = size, W = size, C = c, K = k, R = r };
        StreamKPlan plan = StreamKPlan.Of(e, 132);
        Assert.InRange(plan.Blocks, 1, 132);
        Assert.Equal(plan.Box.Count(e), plan.Iterations);
        Assert.InRange(k, (plan.MTiles - 1) * WgmmaTile.Rows + 1, plan.MTiles * WgmmaTile.Rows);
        Assert.InRange(r * r * ((c + 63) / 64), (plan.NTiles - 1) * plan.Tile.Chunks + 1, plan.NTiles * plan.Tile.Chunks);
        int slowest = Covers(plan);
        if ((long)plan.Tiles * plan.Iterations > 132 * 200)
            Assert.InRange(slowest, 1, 1.06 * plan.Tiles * plan.Iterations / 132);
    }

    /// <summary>Fails unless the blocks' work items cover every k-iteration of every tile once, in consecutive slots; returns the maximum number of iterations of a block.</summary>
    private static int Covers(StreamKPlan plan)
    {
        StreamKSchedule schedule = plan.Schedule;
        var parts = new List<StreamKWork>();
        int slowest = 0;
        for (int block = 0; block < plan.Blocks; block++)
        {
            int had = parts.Count;
            while (schedule.Work(parts.Count - had, block, plan.Blocks) is { Tile: >= 0 } work)
                parts.Add(work);
            slowest = Math.Max(slowest, parts.Skip(had).Sum(work => work.End - work.Begin));
        }

        for (int tile = 0; tile < plan.Tiles; tile++)
        {
            StreamKWork[] own = [.. parts.Where(work => work.Tile == tile).OrderBy(work => work.Begin)];
            int slots = tile < plan.WholeTiles ? 1 : schedule.SlotsOf(tile - plan.WholeTiles);
            Assert.Equal(tile < plan.WholeTiles ? [-1] : Enumerable.Range(0, slots), own.Select(work => work.Slot));
            Assert.InRange(slots, 1, plan.Slots);
            Assert.Equal([0, .. own.Select(work => work.End)], [.. own.Select(work => work.Begin), plan.Iterations]);
            Assert.All(own, work => Assert.True(work.Begin < work.End));
            (int m, int n) = (schedule.Tiles.M(tile), schedule.Tiles.N(tile));
            Assert.InRange(m, 0, plan.MTiles - 1);
            Assert.InRange(n, 0, plan.NTiles - 1);
            Assert.Equal(tile, schedule.Tiles.Number(m, n));
        }

        return slowest;
    }

    private static float Gradient(ConvExtents e, float[] x, float[] dy, int i)
    {
        int k = i / e.C / e.Taps, tap = i / e.C % e.Taps, c = i % e.C;
        float sum = 0;
        for (int pixel = 0; pixel < e.Pixels; pixel++)
        {
            int h = pixel / e.W % e.H + tap / e.R - e.R / 2, w = pixel % e.W + tap % e.R - e.R / 2;
            if (h >= 0 && h < e.H && w >= 0 && w < e.W)
                sum += dy[pixel * e.K + k] * x[((pixel / e.W / e.H * e.H + h) * e.W + w) * e.C + c];
        }

        return sum;
    }

    private static float[] Poison(int count) => [.. Enumerable.Repeat(float.NaN, count)];
}
