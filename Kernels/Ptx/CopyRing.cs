namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// A ring of places in shared memory that one thread has filled by copies and warpgroups empty: each place has a barrier that its copies
/// arrive at, and one at which those who have read it arrive. Who fills and who empties each walk the ring with a copy of their own.
/// </summary>
internal struct CopyRing
{
    /// <summary>Address of the first place, bytes of a place, and their number.</summary>
    public int Start, PlaceBytes, Places;

    /// <summary>Addresses of the barriers of the first place.</summary>
    public int Full, Empty;

    /// <summary>The place at hand, and the parity of the phase that is waited for.</summary>
    public int Place, Phase;

    /// <summary>Address of the place at hand.</summary>
    public readonly int Address => Start + Place * PlaceBytes;

    /// <summary>Barrier of the copies into the place at hand.</summary>
    public readonly int FullBarrier => Full + Place * AsyncBarrier.Bytes;

    /// <summary>Barrier of those who have read the place at hand.</summary>
    public readonly int EmptyBarrier => Empty + Place * AsyncBarrier.Bytes;

    /// <summary>One thread makes the barriers ready.</summary>
    /// <param name="readers">Arrivals that empty a place.</param>
    public readonly void Initialise(int readers)
    {
        for (int i = 0; i < Places; i++)
        {
            AsyncBarrier.Initialise(Full + i * AsyncBarrier.Bytes, 1);
            AsyncBarrier.Initialise(Empty + i * AsyncBarrier.Bytes, readers);
        }
    }

    /// <summary>Goes on to the next place.</summary>
    public void Advance()
    {
        Place = WgmmaConvolution.Next(Place, Places);
        Phase ^= Place == 0 ? 1 : 0;
    }
}
