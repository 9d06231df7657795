using System.Numerics;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// The random numbers of NumPy's RandomState(seed), a Mersenne twister (Matsumoto and Nishimura 1998), so that random subsets are those of the field's programs: EDM's
/// of images (shuffle), torch-fidelity's of features (choice).
/// </summary>
internal sealed class NumpyRandom
{
    private const int Size = 624, Middle = 397;

    private readonly uint[] state = new uint[Size];
    private int next = Size;

    /// <summary>Seeds the generator.</summary>
    public NumpyRandom(uint seed)
    {
        for (int i = 0; i < Size; i++)
        {
            state[i] = seed;
            seed = 1812433253u * (seed ^ (seed >> 30)) + (uint)i + 1;
        }
    }

    /// <summary>The numbers 0 to <paramref name="count"/> - 1 in random order, as <c>permutation(count)</c> gives them.</summary>
    public int[] Permutation(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int j = (int)UpTo((uint)i);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    /// <summary>Different numbers below <paramref name="count"/>, as <c>choice(count, taken, replace=False)</c> gives them.</summary>
    public int[] Choice(int count, int taken) => Permutation(count)[..taken];

    /// <summary>A whole number of 0 to <paramref name="most"/>, by rejection.</summary>
    private uint UpTo(uint most)
    {
        uint mask = uint.MaxValue >> BitOperations.LeadingZeroCount(most);
        uint value;
        do
            value = Next() & mask;
        while (value > most);
        return value;
    }

    internal uint Next()
    {
        if (next == Size)
        {
            for (int i = 0; i < Size; i++)
            {
                uint y = (state[i] & 0x80000000u) | (state[(i + 1) % Size] & 0x7fffffffu);
                state[i] = state[(i + Middle) % Size] ^ (y >> 1) ^ ((y & 1) * 0x9908b0dfu);
            }

            next = 0;
        }

        uint value = state[next++];
        value ^= value >> 11;
        value ^= (value << 7) & 0x9d2c5680u;
        value ^= (value << 15) & 0xefc60000u;
        return value ^ (value >> 18);
    }
}
