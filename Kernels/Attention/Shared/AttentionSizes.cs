using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Extents of an attention; also a kernel parameter, hence only fields of four bytes.</summary>
internal readonly struct AttentionSizes
{
    /// <summary>Images N of the primal.</summary>
    public readonly int Images;

    /// <summary>Rows L = H W of a head.</summary>
    public readonly int Length;

    /// <summary>Heads of an image.</summary>
    public readonly int Heads;

    /// <summary>Channels D of a head.</summary>
    public readonly int Depth;

    /// <summary>1 / sqrt(D).</summary>
    public readonly float Scale;

    /// <summary>1 if every row of every head begins at a multiple of 16 bytes, so that one load reads four channels; otherwise 0.</summary>
    public readonly int Aligned;

    public AttentionSizes(Shape qkv, int heads)
    {
        Images = qkv.N;
        Length = qkv.H * qkv.W;
        Heads = heads;
        Depth = qkv.C / (3 * heads);
        Scale = 1f / MathF.Sqrt(Depth);
        Aligned = Depth % 4 == 0 ? 1 : 0;
    }

    /// <summary>Channels of the output.</summary>
    public int Channels => Heads * Depth;

    /// <summary>Elements from a pixel of qkv to the next.</summary>
    public int Stride => 3 * Heads * Depth;

    /// <summary>Pairs of image and head: independent problems.</summary>
    public int Pairs => Images * Heads;

    /// <summary>Elements from the primal of qkv to its tangent.</summary>
    public int QkvTangent => Images * Length * Stride;

    /// <summary>Elements from the primal of the output to its tangent.</summary>
    public int OutputTangent => Images * Length * Channels;

    /// <summary>Number of tiles of <paramref name="rows"/> rows that cover the length.</summary>
    public int Tiles(int rows) => (Length + rows - 1) / rows;

    /// <summary>Offset of a pair's first query channel in qkv; its keys follow after <see cref="Channels"/> elements, its values after twice as many.</summary>
    public int Query(int pair) => pair / Heads * Length * Stride + pair % Heads * Depth;

    /// <summary>Offset of a pair's first channel in the output.</summary>
    public int Output(int pair) => pair / Heads * Length * Channels + pair % Heads * Depth;
}
