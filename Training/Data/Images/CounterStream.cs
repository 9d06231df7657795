using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// Random numbers for data: <see cref="Philox"/> keyed by the seed and counted by (draw / 4, counter, purpose). No state passes from step
/// to step, so a resumed run draws the same numbers as an uninterrupted one.
/// </summary>
internal struct CounterStream
{
    private ulong seed;
    private ulong counter;
    private RandomPurpose purpose;
    private uint drawn;
    private Philox.Words words;

    /// <summary>Returns the stream of a counter: a step, an epoch or an image.</summary>
    internal static CounterStream For(RandomPurpose purpose, ulong seed, long counter) =>
        new() { purpose = purpose, seed = seed, counter = (ulong)counter };

    /// <summary>Returns one random bit without drawing those before it.</summary>
    internal readonly bool BitAt(int place) => (At((uint)place).A & 1) != 0;

    /// <summary>Draws 32 random bits.</summary>
    internal uint NextBits()
    {
        uint lane = drawn % 4;
        if (lane == 0)
            words = At(drawn / 4);
        drawn++;
        return lane switch { 0 => words.A, 1 => words.B, 2 => words.C, _ => words.D };
    }

    /// <summary>Draws uniformly from [0, <paramref name="count"/>); the bias of the plain product is below 2^-32.</summary>
    internal int NextIndex(int count)
    {
        ulong bits = ((ulong)NextBits() << 32) | NextBits();
        return (int)Math.BigMul(bits, (ulong)count, out _);
    }

    /// <summary>Draws uniformly from [<paramref name="low"/>, <paramref name="high"/>).</summary>
    internal float NextSingle(float low, float high) => low + (high - low) * ((NextBits() >> 8) * (1f / (1 << 24)));

    /// <summary>Fills <paramref name="items"/> with a random permutation of 0 to its length - 1 (Fisher and Yates, inside out).</summary>
    internal void Permute(Span<int> items)
    {
        for (int i = 0; i < items.Length; i++)
        {
            int j = NextIndex(i + 1);
            items[i] = items[j];
            items[j] = i;
        }
    }

    private readonly Philox.Words At(uint block) =>
        Philox.At(block, (uint)counter, (uint)(counter >> 32), (uint)purpose, (uint)seed, (uint)(seed >> 32));
}
