using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Kernels.Ptx;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Places in shared memory that copies fill and products empty in turn, one after another, and the next of them. Device code: a copy
/// of the value remembers a place. A place is filled when its bytes have arrived and empty when each of the eight multiplying warps has said so.
/// </summary>
internal struct AttentionRing
{
    /// <summary>Address of the first place, of the first barrier (those of empty places follow those of full ones), and bytes of a place.</summary>
    public int Start, Barriers, PlaceBytes;

    /// <summary>How many places there are, the present one, and the parity of its turn.</summary>
    public int Places, Index, Phase;

    /// <summary>Warps of both multiplying warpgroups.</summary>
    private const int Readers = 8;

    /// <summary>
    /// Makes a ring and its barriers, behind two others: one for a block's own rows, which one thread fills, and one for their being read by
    /// each of eight warps. All threads call it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionRing Of(int start, int placeBytes, int places, int barriers)
    {
        AttentionRing ring;
        ring.Start = start;
        ring.PlaceBytes = placeBytes;
        ring.Places = places;
        ring.Barriers = barriers + 2 * AsyncBarrier.Bytes;
        ring.Index = 0;
        ring.Phase = 0;
        if (Group.IdxX == 0)
        {
            AsyncBarrier.Initialise(barriers, 1);
            AsyncBarrier.Initialise(barriers + AsyncBarrier.Bytes, Readers);
            for (int i = 0; i < places; i++)
            {
                AsyncBarrier.Initialise(ring.Barriers + i * AsyncBarrier.Bytes, 1);
                AsyncBarrier.Initialise(ring.Barriers + (places + i) * AsyncBarrier.Bytes, Readers);
            }

            AsyncBarrier.FenceInitialisation();
        }

        Group.Barrier();
        return ring;
    }

    /// <summary>The place after this one, or, if <paramref name="step"/> is 0 and not 1, this one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AttentionRing Next(AttentionRing ring, int step = 1)
    {
        int next = ring.Index + step;
        ring.Phase ^= next == ring.Places ? 1 : 0;
        ring.Index = next == ring.Places ? 0 : next;
        return ring;
    }

    /// <summary>Waits until the place is filled; returns its address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Filled(AttentionRing ring)
    {
        AsyncBarrier.Wait(ring.Barriers + ring.Index * AsyncBarrier.Bytes, ring.Phase);
        return Address(ring);
    }

    /// <summary>
    /// The thread's warp has read the place, and what came along with it; lane counts threads. Each warp speaks for itself: what its lanes have
    /// loaded is ordered before its arrival, which a wait for products, where warps of a warpgroup need not meet, doesn't promise for other warps.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Release(AttentionRing ring, int lane)
    {
        AsyncBarrier.WarpSync();
        AsyncBarrier.ArriveFirst(ring.Barriers + (ring.Places + ring.Index) * AsyncBarrier.Bytes, lane & 31);
    }

    /// <summary>Waits until the place is empty, which all are at first, and lets its barrier expect the place's bytes and perhaps more; returns its address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Claim(AttentionRing ring, int more = 0)
    {
        AsyncBarrier.Wait(ring.Barriers + (ring.Places + ring.Index) * AsyncBarrier.Bytes, ring.Phase ^ 1);
        AsyncBarrier.Expect(Barrier(ring), ring.PlaceBytes + more);
        return Address(ring);
    }

    /// <summary>The barrier at which copies into the place arrive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Barrier(AttentionRing ring) => ring.Barriers + ring.Index * AsyncBarrier.Bytes;

    /// <summary>The place's address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Address(AttentionRing ring) => ring.Start + ring.Index * ring.PlaceBytes;
}
