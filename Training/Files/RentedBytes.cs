using System.Buffers;

namespace TrigFlowNative.Training.Files;

/// <summary>Bytes in an array that goes back to its pool when this is disposed.</summary>
internal readonly struct RentedBytes(int length) : IDisposable
{
    /// <summary>The array, of at least <c>length</c> bytes.</summary>
    internal byte[] Array { get; } = ArrayPool<byte>.Shared.Rent(length);

    /// <summary>The bytes.</summary>
    internal Span<byte> Span => Array.AsSpan(0, length);

    public void Dispose() => ArrayPool<byte>.Shared.Return(Array);
}
