using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TrigFlowNative.Engine;

/// <summary>Many consecutive counters on the host: eight at a time with AVX2, which multiplies 32 bits to 64.</summary>
public static partial class Philox
{
    /// <summary>Writes the words at the counters (c0, c1, c2, c3), (c0 + 1, c1, c2, c3) and so on.</summary>
    /// <param name="words">Receives four words for each counter: the length is a multiple of 4.</param>
    /// <param name="c0">Lowest word of the first counter; it wraps without carry.</param>
    /// <param name="c1">Second word of all counters.</param>
    /// <param name="c2">Third word of all counters.</param>
    /// <param name="c3">Fourth word of all counters.</param>
    /// <param name="k0">Lower word of the key.</param>
    /// <param name="k1">Upper word of the key.</param>
    /// <exception cref="IndexOutOfRangeException">The length is not a multiple of 4.</exception>
    public static void Fill(Span<uint> words, uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        int done = 0;
        if (Avx2.IsSupported)
        {
            for (; done <= words.Length - 32; done += 32, c0 += 8)
                Eight(words.Slice(done, 32), c0, c1, c2, c3, k0, k1);
        }

        for (; done < words.Length; done += 4, c0++)
        {
            Words four = At(c0, c1, c2, c3, k0, k1);
            words[done] = four.A;
            words[done + 1] = four.B;
            words[done + 2] = four.C;
            words[done + 3] = four.D;
        }
    }

    private static void Eight(Span<uint> words, uint first, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        // Lanes take the counters in the order 0 2 4 6 1 3 5 7, so that unpacking within 128 bits puts the words in order.
        Vector256<uint> v0 = Vector256.Create(first) + Vector256.Create(0u, 2, 4, 6, 1, 3, 5, 7);
        Vector256<uint> v1 = Vector256.Create(c1), v2 = Vector256.Create(c2), v3 = Vector256.Create(c3);
        for (int round = 0; round < Rounds; round++)
        {
            (Vector256<uint> high0, Vector256<uint> low0) = Multiply(v0, Multiplier0);
            (Vector256<uint> high1, Vector256<uint> low1) = Multiply(v2, Multiplier1);
            v0 = high1 ^ v1 ^ Vector256.Create(k0);
            v1 = low1;
            v2 = high0 ^ v3 ^ Vector256.Create(k1);
            v3 = low0;
            k0 += Weyl0;
            k1 += Weyl1;
        }

        Vector256<ulong> front01 = Avx2.UnpackLow(v0, v1).AsUInt64(), back01 = Avx2.UnpackHigh(v0, v1).AsUInt64();
        Vector256<ulong> front23 = Avx2.UnpackLow(v2, v3).AsUInt64(), back23 = Avx2.UnpackHigh(v2, v3).AsUInt64();
        Avx2.UnpackLow(front01, front23).AsUInt32().CopyTo(words);
        Avx2.UnpackHigh(front01, front23).AsUInt32().CopyTo(words[8..]);
        Avx2.UnpackLow(back01, back23).AsUInt32().CopyTo(words[16..]);
        Avx2.UnpackHigh(back01, back23).AsUInt32().CopyTo(words[24..]);
    }

    /// <summary>Upper and lower words of eight 64-bit products.</summary>
    private static (Vector256<uint> High, Vector256<uint> Low) Multiply(Vector256<uint> x, uint factor)
    {
        const byte oddLanes = 0b1010_1010;
        Vector256<uint> factors = Vector256.Create(factor);
        Vector256<ulong> even = Avx2.Multiply(x, factors), odd = Avx2.Multiply((x.AsUInt64() >> 32).AsUInt32(), factors);
        return (
            Avx2.Blend((even >> 32).AsUInt32(), odd.AsUInt32(), oddLanes),
            Avx2.Blend(even.AsUInt32(), (odd << 32).AsUInt32(), oddLanes));
    }
}
