namespace TrigFlowNative.Engine;

/// <summary>
/// Philox4x32-10, the counter-based generator of Salmon et al. 2011 ("Parallel random numbers: as easy as 1, 2, 3",
/// section 4.3): four words from a 128-bit counter and a 64-bit key, the same on every device, for any launch shape.
/// </summary>
/// <remarks>Kernels call this file too, so it has value types and static methods only.</remarks>
public static partial class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57;
    private const uint Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    private const int Rounds = 10;

    /// <summary>Returns the four words at the counter (c0, c1, c2, c3) under the key (k0, k1), lowest words first.</summary>
    public static Words At(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < Rounds; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0;
            ulong p1 = (ulong)Multiplier1 * c2;
            c0 = (uint)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint)p1;
            c2 = (uint)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint)p0;
            k0 += Weyl0;
            k1 += Weyl1;
        }

        return new Words { A = c0, B = c1, C = c2, D = c3 };
    }

    /// <summary>Maps a word to (0, 1]; 0 is left out so that a logarithm is finite.</summary>
    public static float ToUnit(uint word) => (int)((word >> 8) + 1) * (1f / (1 << 24)); // through int, since a GPU converts uint by float64

    /// <summary>Four random words.</summary>
    public struct Words
    {
        /// <summary>First word.</summary>
        public uint A;

        /// <summary>Second word.</summary>
        public uint B;

        /// <summary>Third word.</summary>
        public uint C;

        /// <summary>Fourth word.</summary>
        public uint D;
    }
}
