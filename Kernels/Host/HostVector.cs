using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace TrigFlowNative.Kernels;

/// <summary>Hardware vector of floats, over which one loop is compiled for every width (Vector{T} does not use 512 bits by default).</summary>
internal unsafe interface IHostVector<TSelf>
    where TSelf : unmanaged, IHostVector<TSelf>
{
    /// <summary>Number of floats in a vector, a constant to the JIT compiler.</summary>
    static abstract int Width { get; }

    static abstract TSelf Load(float* source);

    static abstract TSelf Broadcast(float* source);

    /// <summary>a b + c, with one rounding if the processor has FMA.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract void Store(TSelf value, float* target);
}

/// <summary>Vector of 128 bits: SSE or NEON.</summary>
internal readonly unsafe struct HostVector128(Vector128<float> value) : IHostVector<HostVector128>
{
    private readonly Vector128<float> value = value;

    public static int Width => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector128 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector128 Broadcast(float* source) => new(Vector128.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector128 MultiplyAdd(HostVector128 a, HostVector128 b, HostVector128 c) =>
        new(Vector128.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector128 Add(HostVector128 a, HostVector128 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(HostVector128 value, float* target) => value.value.Store(target);
}

/// <summary>Vector of 256 bits: AVX2.</summary>
internal readonly unsafe struct HostVector256(Vector256<float> value) : IHostVector<HostVector256>
{
    private readonly Vector256<float> value = value;

    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector256 Broadcast(float* source) => new(Vector256.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector256 MultiplyAdd(HostVector256 a, HostVector256 b, HostVector256 c) =>
        new(Vector256.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector256 Add(HostVector256 a, HostVector256 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(HostVector256 value, float* target) => value.value.Store(target);
}

/// <summary>Vector of 512 bits: AVX-512.</summary>
internal readonly unsafe struct HostVector512(Vector512<float> value) : IHostVector<HostVector512>
{
    private readonly Vector512<float> value = value;

    public static int Width => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector512 Broadcast(float* source) => new(Vector512.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector512 MultiplyAdd(HostVector512 a, HostVector512 b, HostVector512 c) =>
        new(Vector512.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HostVector512 Add(HostVector512 a, HostVector512 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(HostVector512 value, float* target) => value.value.Store(target);
}
