using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>A hardware vector of floats or doubles, over which one loop is compiled for every width and both types.</summary>
internal unsafe interface ILanes<TSelf, T>
    where TSelf : unmanaged, ILanes<TSelf, T>
    where T : unmanaged
{
    /// <summary>Number of elements, a constant to the JIT compiler.</summary>
    static abstract int Width { get; }

    static abstract TSelf Load(T* source);

    static abstract TSelf Broadcast(T* source);

    /// <summary>a b + c, with one rounding if the processor has FMA.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);

    static abstract TSelf Add(TSelf a, TSelf b);

    static abstract void Store(TSelf value, T* target);
}

/// <summary>Eight doubles.</summary>
internal readonly unsafe struct Double512(Vector512<double> value) : ILanes<Double512, double>
{
    private readonly Vector512<double> value = value;

    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double512 Load(double* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double512 Broadcast(double* source) => new(Vector512.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double512 MultiplyAdd(Double512 a, Double512 b, Double512 c) => new(Vector512.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double512 Add(Double512 a, Double512 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Double512 value, double* target) => value.value.Store(target);
}

/// <summary>Four doubles.</summary>
internal readonly unsafe struct Double256(Vector256<double> value) : ILanes<Double256, double>
{
    private readonly Vector256<double> value = value;

    public static int Width => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double256 Load(double* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double256 Broadcast(double* source) => new(Vector256.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double256 MultiplyAdd(Double256 a, Double256 b, Double256 c) => new(Vector256.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Double256 Add(Double256 a, Double256 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Double256 value, double* target) => value.value.Store(target);
}

/// <summary>Sixteen floats.</summary>
internal readonly unsafe struct Single512(Vector512<float> value) : ILanes<Single512, float>
{
    private readonly Vector512<float> value = value;

    public static int Width => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single512 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single512 Broadcast(float* source) => new(Vector512.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single512 MultiplyAdd(Single512 a, Single512 b, Single512 c) => new(Vector512.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single512 Add(Single512 a, Single512 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Single512 value, float* target) => value.value.Store(target);
}

/// <summary>Eight floats.</summary>
internal readonly unsafe struct Single256(Vector256<float> value) : ILanes<Single256, float>
{
    private readonly Vector256<float> value = value;

    public static int Width => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single256 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single256 Broadcast(float* source) => new(Vector256.Create(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single256 MultiplyAdd(Single256 a, Single256 b, Single256 c) => new(Vector256.MultiplyAddEstimate(a.value, b.value, c.value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Single256 Add(Single256 a, Single256 b) => new(a.value + b.value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Single256 value, float* target) => value.value.Store(target);
}
