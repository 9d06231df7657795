using System.Numerics;

namespace TrigFlowNative.Kernels;

/// <summary>Vectorised sums of squares and products on the host, in float64 and in an order that depends on the vector width alone.</summary>
internal static class HostSum
{
    /// <summary>Returns the sum of squares, finite if and only if all values are, since the square of an fp32 number does not overflow float64.</summary>
    public static double Squares(ReadOnlySpan<float> x)
    {
        Vector<double> even = Vector<double>.Zero, odd = Vector<double>.Zero;
        int i = 0;
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
            Add(new Vector<float>(x[i..]), ref even, ref odd);
        double sum = Vector.Sum(even + odd);
        for (; i < x.Length; i++)
            sum += (double)x[i] * x[i];
        return sum;
    }

    /// <summary>Returns the sum of squares of the finite values, and the number of the others.</summary>
    public static (double Sum, int NonFinite) FiniteSquares(ReadOnlySpan<float> x)
    {
        Vector<double> even = Vector<double>.Zero, odd = Vector<double>.Zero;
        Vector<int> bad = Vector<int>.Zero;
        int i = 0;
        for (; i <= x.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var value = new Vector<float>(x[i..]);
            Vector<int> finite = FiniteLanes(value);
            bad += Vector<int>.One + finite; // a true lane is -1
            Add(Vector.ConditionalSelect(finite, value, Vector<float>.Zero), ref even, ref odd);
        }

        double sum = Vector.Sum(even + odd);
        int count = Vector.Sum(bad);
        for (; i < x.Length; i++)
        {
            if (float.IsFinite(x[i]))
                sum += (double)x[i] * x[i];
            else
                count++;
        }

        return (sum, count);
    }

    /// <summary>Returns the sum of a b, in which each product is exact.</summary>
    public static double Products(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Vector<double> low = Vector<double>.Zero, high = Vector<double>.Zero;
        int i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(a[i..]), out Vector<double> firstOfA, out Vector<double> secondOfA);
            Vector.Widen(new Vector<float>(b[i..]), out Vector<double> firstOfB, out Vector<double> secondOfB);
            low += firstOfA * firstOfB;
            high += secondOfA * secondOfB;
        }

        double sum = Vector.Sum(low + high);
        for (; i < a.Length; i++)
            sum += (double)a[i] * b[i];
        return sum;
    }

    /// <summary>Returns the sum of squares of a - b, with differences in fp32 as in the kernels.</summary>
    public static double SquaredDifferences(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        Vector<double> even = Vector<double>.Zero, odd = Vector<double>.Zero;
        int i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
            Add(new Vector<float>(a[i..]) - new Vector<float>(b[i..]), ref even, ref odd);
        double sum = Vector.Sum(even + odd);
        for (; i < a.Length; i++)
        {
            float difference = a[i] - b[i];
            sum += (double)difference * difference;
        }

        return sum;
    }

    /// <summary>All bits of a lane set where the value is finite, none where it is infinite or NaN.</summary>
    public static Vector<int> FiniteLanes(Vector<float> x) => Vector.LessThan(Vector.Abs(x), new Vector<float>(float.PositiveInfinity));

    private static void Add(Vector<float> x, ref Vector<double> low, ref Vector<double> high)
    {
        Vector.Widen(x, out Vector<double> first, out Vector<double> second);
        low += first * first;
        high += second * second;
    }
}
