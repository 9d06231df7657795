using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The 8 x 8 sums of a thread in 64 registers: rows 0 to 7 (four, then four that are 32 further down), each with a left and a right run of four
/// columns (32 apart). Every sum has a field, since the compiler neither unrolls loops nor keeps indexed arrays in registers.
/// </summary>
internal struct TileSums
{
    public Float4 Left0, Right0, Left1, Right1, Left2, Right2, Left3, Right3, Left4, Right4, Left5, Right5, Left6, Right6, Left7, Right7;

    /// <summary>Adds the outer product of 8 rows and 8 columns.</summary>
    public void Add(Float4 upper, Float4 lower, Float4 left, Float4 right)
    {
        Left0 = Float4.MultiplyAdd(upper.X, left, Left0);
        Right0 = Float4.MultiplyAdd(upper.X, right, Right0);
        Left1 = Float4.MultiplyAdd(upper.Y, left, Left1);
        Right1 = Float4.MultiplyAdd(upper.Y, right, Right1);
        Left2 = Float4.MultiplyAdd(upper.Z, left, Left2);
        Right2 = Float4.MultiplyAdd(upper.Z, right, Right2);
        Left3 = Float4.MultiplyAdd(upper.W, left, Left3);
        Right3 = Float4.MultiplyAdd(upper.W, right, Right3);
        Left4 = Float4.MultiplyAdd(lower.X, left, Left4);
        Right4 = Float4.MultiplyAdd(lower.X, right, Right4);
        Left5 = Float4.MultiplyAdd(lower.Y, left, Left5);
        Right5 = Float4.MultiplyAdd(lower.Y, right, Right5);
        Left6 = Float4.MultiplyAdd(lower.Z, left, Left6);
        Right6 = Float4.MultiplyAdd(lower.Z, right, Right6);
        Left7 = Float4.MultiplyAdd(lower.W, left, Left7);
        Right7 = Float4.MultiplyAdd(lower.W, right, Right7);
    }
}
