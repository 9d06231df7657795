namespace TrigFlowNative.Tests.Training;

/// <summary>Matrices by the plainest means, which share nothing with what they judge: triple loops, and Jacobi's rotations for eigenvalues.</summary>
internal static class SlowAlgebra
{
    public static double[,] Multiply(double[,] a, double[,] b)
    {
        var c = new double[a.GetLength(0), b.GetLength(1)];
        for (int i = 0; i < a.GetLength(0); i++)
            for (int j = 0; j < b.GetLength(1); j++)
                for (int k = 0; k < a.GetLength(1); k++)
                    c[i, j] += a[i, k] * b[k, j];
        return c;
    }

    public static double[,] Transpose(double[,] a)
    {
        var t = new double[a.GetLength(1), a.GetLength(0)];
        for (int i = 0; i < a.GetLength(0); i++)
            for (int j = 0; j < a.GetLength(1); j++)
                t[j, i] = a[i, j];
        return t;
    }

    /// <summary>Eigenvalues, unsorted, and eigenvectors as columns, by cyclic Jacobi rotations.</summary>
    public static (double[] Values, double[,] Vectors) Eigen(double[,] symmetric)
    {
        int n = symmetric.GetLength(0);
        var a = (double[,])symmetric.Clone();
        var v = new double[n, n];
        for (int i = 0; i < n; i++)
            v[i, i] = 1;
        for (int sweep = 0; sweep < 40; sweep++)
            for (int p = 0; p < n; p++)
                for (int q = p + 1; q < n; q++)
                {
                    if (a[p, q] == 0)
                        continue;
                    double theta = (a[q, q] - a[p, p]) / (2 * a[p, q]), t = (theta >= 0 ? 1 : -1) / (Math.Abs(theta) + Math.Sqrt(theta * theta + 1));
                    double c = 1 / Math.Sqrt(t * t + 1), s = t * c;
                    for (int k = 0; k < n; k++)
                        (a[k, p], a[k, q]) = (c * a[k, p] - s * a[k, q], s * a[k, p] + c * a[k, q]);
                    for (int k = 0; k < n; k++)
                        (a[p, k], a[q, k]) = (c * a[p, k] - s * a[q, k], s * a[p, k] + c * a[q, k]);
                    for (int k = 0; k < n; k++)
                        (v[k, p], v[k, q]) = (c * v[k, p] - s * v[k, q], s * v[k, p] + c * v[k, q]);
                }

        return ([.. Enumerable.Range(0, n).Select(i => a[i, i])], v);
    }

    /// <summary>The symmetric root of a symmetric matrix without negative eigenvalues.</summary>
    public static double[,] Root(double[,] symmetric)
    {
        (double[] values, double[,] vectors) = Eigen(symmetric);
        var scaled = (double[,])vectors.Clone();
        for (int i = 0; i < values.Length; i++)
            for (int j = 0; j < values.Length; j++)
                scaled[i, j] *= Math.Sqrt(Math.Max(0, values[j]));
        return Multiply(scaled, Transpose(vectors));
    }

    public static double[] Flat(double[,] a) => [.. a.Cast<double>()];

    public static double[,] Square(double[] flat, int size)
    {
        var a = new double[size, size];
        Buffer.BlockCopy(flat, 0, a, 0, flat.Length * sizeof(double));
        return a;
    }

    /// <summary>A random symmetric matrix with given eigenvalues.</summary>
    public static double[,] WithEigenvalues(double[] values, int seed)
    {
        var random = new Random(seed);
        var noise = new double[values.Length, values.Length];
        for (int i = 0; i < values.Length; i++)
            for (int j = 0; j <= i; j++)
                noise[i, j] = noise[j, i] = random.NextDouble() - 0.5;
        double[,] q = Eigen(noise).Vectors, scaled = (double[,])q.Clone();
        for (int i = 0; i < values.Length; i++)
            for (int j = 0; j < values.Length; j++)
                scaled[i, j] *= values[j];
        return Multiply(scaled, Transpose(q));
    }
}
