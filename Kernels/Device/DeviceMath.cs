using ILGPU;

namespace TrigFlowNative.Kernels.Device;

/// <summary>
/// Sine, cosine and logarithm in fp32 arithmetic, the same code on the host and inside kernels, where MathF.Sin, Cos and Log
/// are the hardware's approximations (sin.approx has no range reduction, lg2.approx loses all relative accuracy near 1).
/// </summary>
/// <remarks>
/// Plain multiplications and additions; whether a compiler fuses them moves a result by less than the bounds below. The
/// coefficients are minimax fits by Remez exchange, rounded to fp32. Outside of the documented ranges, and for NaN, results are undefined.
/// </remarks>
public static class DeviceMath
{
    /// <summary>Largest |x|, in radians, for which <see cref="SinCos(float)"/> keeps its bound.</summary>
    public const float MaxAngle = 100f;

    /// <summary>Sine and cosine of an angle: absolute error below 1e-7.</summary>
    /// <param name="x">Radians, |x| at most <see cref="MaxAngle"/>.</param>
    public static Angle SinCos(float x)
    {
        // pi/2 in three parts: quadrant times one of the first two is exact, so nothing is lost where x is near a multiple.
        const float twoOverPi = 0.636619772f, high = 1.5703125f, middle = 4.83751297e-4f, low = 7.54979013e-8f;
        int quadrant = (int)(x * twoOverPi + (x < 0f ? -0.5f : 0.5f)); // not Floor or Round: each is a loop of bit tests on a GPU
        float r = x - quadrant * high - quadrant * middle - quadrant * low;
        return Rotate(quadrant, r);
    }

    /// <summary>Sine and cosine of an angle of up to a million radians, which is reduced in float64: absolute error below 1e-7.</summary>
    /// <param name="x">Radians, |x| at most 1e6.</param>
    public static Angle SinCos(double x)
    {
        // One part of pi/2 suffices: its rounding error of 6e-17 times 6e5 quadrants is still far below that of the result.
        const double twoOverPi = 0.63661977236758138, halfPi = 1.5707963267948966;
        int quadrant = (int)(x * twoOverPi + (x < 0.0 ? -0.5 : 0.5));
        return Rotate(quadrant, (float)(x - quadrant * halfPi));
    }

    /// <summary>Sine and cosine of 2 pi u: absolute error below 1e-7. The reduction is exact, unlike that of 2 pi times u.</summary>
    /// <param name="u">Turns, |u| at most 1.</param>
    public static Angle SinCosOfTurns(float u)
    {
        const float halfPi = 1.57079633f;
        int quadrant = (int)(4f * u + (u < 0f ? -0.5f : 0.5f));
        return Rotate(quadrant, (4f * u - quadrant) * halfPi);
    }

    /// <summary>Natural logarithm: relative error below 2e-7, also beside 1.</summary>
    /// <param name="x">A positive normal number.</param>
    public static float Log(float x)
    {
        // x = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
        const int rootOfHalf = 0x3F3504F3;
        const float ln2High = 0.693145752f, ln2Low = 1.42860677e-6f; // e times the first is exact
        int bits = (int)Interop.FloatAsInt(x);
        int e = (bits - rootOfHalf) >> 23;
        float f = Interop.IntAsFloat((uint)(bits - (e << 23))) - 1f;

        float z = f * f;
        float p = 0.142019391f + f * (-0.131598279f + f * (0.127600282f + f * -0.0763347f));
        p = 0.333333313f + f * (-0.250008196f + f * (0.200012207f + f * (-0.166234091f + f * p)));
        return f + (f * z * p + e * ln2Low - 0.5f * z) + e * ln2High;
    }

    /// <summary>The derivative of SiLU, s (1 + x (1 - s)), at x with the logistic function s of x.</summary>
    public static float SiluSlope(float x, float s) => s * (1f + x * (1f - s));

    /// <summary>Sine and cosine of r + quadrant pi/2 for |r| up to pi/4.</summary>
    private static Angle Rotate(int quadrant, float r)
    {
        float z = r * r;
        float sin = r + r * z * (-0.166666552f + z * (0.00833215844f + z * -0.000195149987f));
        float cos = 1f - 0.5f * z + z * z * (0.0416666456f + z * (-0.00138873653f + z * 2.44381354e-5f));
        bool odd = (quadrant & 1) != 0;
        float s = odd ? cos : sin;
        float c = odd ? sin : cos;
        return new Angle { Sin = (quadrant & 2) != 0 ? -s : s, Cos = ((quadrant + 1) & 2) != 0 ? -c : c };
    }

    /// <summary>Sine and cosine of one angle.</summary>
    public struct Angle
    {
        /// <summary>Its sine.</summary>
        public float Sin;

        /// <summary>Its cosine.</summary>
        public float Cos;
    }
}
