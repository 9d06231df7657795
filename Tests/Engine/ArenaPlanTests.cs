using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class ArenaPlanTests
{
    private const int Unit = ComputeDevice.Alignment;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void No_two_parts_that_live_at_once_overlap(int seed)
    {
        var random = new Random(seed);
        using var owner = new ComputeProgram(TestDevices.Get("cpu"));
        Storage[] storages = [.. Enumerable.Range(0, seed % 2 == 0 ? 60 : 200).Select(_ => Make(random, owner))];
        long bytes = ArenaPlan.Place(storages);

        var placed = storages.SelectMany(s => s.Parts.Where(p => p.First >= 0).Select(p => (Start: s.Offset + p.Start, End: s.Offset + p.Start + p.Bytes, Part: p))).ToList();
        for (int i = 0; i < placed.Count; i++)
        {
            Assert.InRange(placed[i].Start, 0, bytes);
            Assert.InRange(placed[i].End, 0, bytes);
            for (int j = 0; j < i; j++)
            {
                bool together = placed[i].Part.First <= placed[j].Part.Last && placed[j].Part.First <= placed[i].Part.Last;
                bool apart = placed[i].End <= placed[j].Start || placed[j].End <= placed[i].Start;
                Assert.True(apart || !together, $"parts {i} and {j} meet");
            }
        }

        Assert.All(storages, s => Assert.Equal(0, s.Offset % Unit));
        long live = Enumerable.Range(0, Steps).Max(step => placed.Where(p => p.Part.First <= step && step <= p.Part.Last).Sum(p => p.Part.Bytes));
        Assert.InRange(bytes, live, storages.Sum(s => s.Bytes + Unit));
    }

    [Fact]
    public void What_no_step_touches_gets_no_place()
    {
        using var owner = new ComputeProgram(TestDevices.Get("cpu"));
        Assert.Equal(0, ArenaPlan.Place([new Storage(1 << 20, null, owner)]));
        Assert.Equal(Unit, ArenaPlan.Place([new Storage(1 << 20, null, owner), Living(1, 0, 0, owner)]));
    }

    [Fact]
    public void Bytes_are_reused_from_the_step_after_the_last()
    {
        using var owner = new ComputeProgram(TestDevices.Get("cpu"));
        Assert.Equal(Unit, ArenaPlan.Place([Living(Unit, 0, 1, owner), Living(Unit, 2, 3, owner)]));
        Assert.Equal(2 * Unit, ArenaPlan.Place([Living(Unit, 0, 2, owner), Living(Unit, 2, 3, owner)]));
    }

    /// <summary>A network's dual pass and its backward pass: primals are kept, tangents are read by the next layer only.</summary>
    [Fact]
    public void Activations_fit_into_the_holes_that_tangents_leave()
    {
        const int layers = 100;
        using var owner = new ComputeProgram(TestDevices.Get("cpu"));
        var storages = new List<Storage>();
        for (int layer = 0; layer < layers; layer++)
            storages.Add(Dual(layer, tailLast: layer + 1, headLast: 2 * layers - layer, owner));

        Assert.InRange(ArenaPlan.Place(storages), (layers + 2) * Unit, 1.06 * layers * Unit);
    }

    /// <summary>A U-Net's dual pass: the tangents of an encoder's outputs live until the decoder has read them, last first.</summary>
    [Theory]
    [InlineData(8, 6)]
    [InlineData(16, 4)]
    [InlineData(4, 24)]
    public void Tangents_of_skip_connections_cost_one_hole_each(int blocks, int perBlock)
    {
        int turn = blocks * perBlock, end = 2 * turn;
        using var owner = new ComputeProgram(TestDevices.Get("cpu"));
        var storages = new List<Storage>();
        for (int step = 0; step < end; step++)
        {
            bool skip = step < turn && step % perBlock == perBlock - 1;
            storages.Add(Dual(step, tailLast: skip ? end - 1 - step + perBlock : step + 2, headLast: 2 * end - step, owner));
        }

        // At most blocks + 3 tangents live at once, so that as many stacks have a hole each. Without stacks every tensor may leave one.
        Assert.InRange(ArenaPlan.Place(storages), (end + 3) * Unit, (end + blocks + 4) * Unit);
    }

    private const int Steps = 30;

    /// <summary>A storage of random size and lifetime; half of them dual, with lifetimes of their own for primal and tangent.</summary>
    private static Storage Make(Random random, ComputeProgram owner)
    {
        int bytes = 4 * random.Next(1, 700);
        var storage = random.Next(2) == 0 ? new Storage(bytes, null, owner) : new Storage(2L * bytes, bytes, owner);
        foreach (StoragePart part in storage.Parts)
        {
            if (random.Next(8) == 0)
                continue; // a part that nothing touches
            int first = random.Next(Steps);
            part.Touch(first);
            part.Touch(random.Next(first, Math.Min(Steps, first + 10)));
        }

        return storage;
    }

    private static Storage Dual(int first, int tailLast, int headLast, ComputeProgram owner)
    {
        var storage = new Storage(2 * Unit, Unit, owner);
        foreach (StoragePart part in storage.Parts)
            part.Touch(first);
        storage.Parts[0].Touch(headLast);
        storage.Parts[1].Touch(tailLast);
        return storage;
    }

    private static Storage Living(long bytes, int first, int last, ComputeProgram owner)
    {
        var storage = new Storage(bytes, null, owner);
        storage.Parts[0].Touch(first);
        storage.Parts[0].Touch(last);
        return storage;
    }
}
