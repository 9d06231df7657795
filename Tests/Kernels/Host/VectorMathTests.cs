using System.Numerics;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

public class VectorMathTests
{
    [Fact]
    public void The_exponential_is_right_to_3e_7_wherever_it_is_a_normal_number()
    {
        double worst = 0;
        for (float x = -87.3f; x < 88.3f; x += 0.00371f)
            worst = Math.Max(worst, Math.Abs(VectorMath.Exp(Vector.Create(x))[0] / Math.Exp(x) - 1));
        Assert.InRange(worst, 1e-9, 3e-7);
        Assert.Equal(Vector<float>.One, VectorMath.Exp(Vector<float>.Zero));
    }

    [Theory]
    [InlineData(-1000f, 0f)]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(-3f, 0.047425873f)]
    [InlineData(0f, 0.5f)]
    [InlineData(1000f, 1f)]
    [InlineData(float.PositiveInfinity, 1f)]
    [InlineData(float.NaN, float.NaN)]
    public void The_logistic_function_stays_in_range(float x, float expected) =>
        Assert.Equal(expected, VectorMath.Logistic(Vector.Create(x))[Vector<float>.Count - 1], 1e-7f);
}
