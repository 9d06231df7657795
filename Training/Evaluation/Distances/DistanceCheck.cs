using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>
/// Compares distances with those of another implementation. A fixture is a safetensors file with features a (real), b (judged), c (fewer than there are features) and
/// logits, in float32, and results in float64: mean and covariance, Fréchet distances (frechet.ab, ac, aa) with their traces, kernel distances of given subsets
/// (kid.indices_a, kid.indices_b) and of all, radii, precision, recall, density and coverage (k = 3 and 5; .same of a with itself), and Inception scores.
/// </summary>
public static class DistanceCheck
{
    /// <summary>Most by which a result may be off, relative to it. Radii may be off by that too; what follows from counts must be equal.</summary>
    public const double Tolerance = 1e-9;

    /// <summary>
    /// The same where a covariance is singular: eigenvalues that are 0 come out as 1e-17 or so in another implementation, and their roots as 3e-9, of which it adds up
    /// as many as there are. Here they do not arise.
    /// </summary>
    public const double SingularTolerance = 1e-7;

    /// <summary>Whether a file is such a fixture, by the names of its tensors.</summary>
    /// <exception cref="InvalidFileException">The file is missing or no safetensors file.</exception>
    public static bool IsFixture(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.Find("frechet.ab") is not null;
    }

    /// <summary>Computes everything that the file has a result for, and compares.</summary>
    /// <exception cref="InvalidFileException">The file is malformed, or something is missing.</exception>
    public static IReadOnlyList<FixtureError> Run(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        FeatureRows a = Rows(file, "a"), b = Rows(file, "b"), c = Rows(file, "c"), logits = Rows(file, "logits");
        List<FixtureError> errors = [];
        Moments ofA = Moments.Of(a), ofB = Moments.Of(b);
        Near("a.mean", ofA.Mean);
        Near("a.covariance", ofA.Covariance);
        Near("b.mean", ofB.Mean);
        Near("b.covariance", ofB.Covariance);
        Frechet("ab", FrechetDistance.Between(ofA, ofB));
        Frechet("ac", FrechetDistance.Between(c, ofA));
        Frechet("aa", FrechetDistance.Between(ofA, ofA));
        Kernels();
        foreach (int k in new[] { 3, 5 })
        {
            Counts("", k, Neighbourhoods.Of(a, b, strictly: false, k)[0]);
            Counts(".same", k, Neighbourhoods.Of(a, a, strictly: false, k)[0]);
        }

        Near("radii_a.k3", [.. NeighbourRadii.Of(a, 3)[0].Select(Math.Sqrt)]);
        Near("radii_b.k3", [.. NeighbourRadii.Of(b, 3)[0].Select(Math.Sqrt)]);
        Near("inception_score.splits", InceptionScore.OfSplits(logits, InceptionScore.Splits));
        Near("inception_score.mean", InceptionScore.Of(logits).Mean);
        Near("inception_score.std", InceptionScore.Of(logits).Deviation);
        return errors;

        void Near(string name, params double[] values) => errors.Add(new FixtureError(name, Error(values, Doubles(file, name), 0), Tolerance));

        // The distance of a set to itself is the difference of equal numbers: its error counts against these.
        void Frechet(string name, FrechetTerms terms)
        {
            double scale = name == "aa" ? terms.Variances : 0;
            double allowed = name == "ac" ? SingularTolerance : Tolerance;
            errors.Add(new FixtureError($"frechet.{name}", Error([terms.Distance], Doubles(file, $"frechet.{name}"), scale), allowed));
            errors.Add(new FixtureError($"frechet.{name}.trace", Error([terms.TraceOfRoot], Doubles(file, $"frechet.{name}.trace"), 0), allowed));
        }

        void Kernels()
        {
            int[] first = file.ReadInt32s("kid.indices_a"), second = file.ReadInt32s("kid.indices_b");
            int subsets = (int)file.Require("kid.indices_a").Shape[0], size = first.Length / subsets;
            double[] values = [.. Enumerable.Range(0, subsets).Select(i =>
                KernelDistance.Between(a.Take(first.AsSpan(i * size, size)), b.Take(second.AsSpan(i * size, size))))];
            Near("kid.subsets", values);
            Near("kid.mean", values.Average());
            Near("kid.std", Math.Sqrt(values.Average(value => value * value) - values.Average() * values.Average()));
            Near("kid.all", KernelDistance.Between(a, b));
        }

        void Counts(string set, int k, Neighbourhoods found)
        {
            Equal($"precision{set}.k{k}", found.Precision);
            Equal($"recall{set}.k{k}", found.Recall);
            Equal($"density{set}.k{k}", found.Density);
            Equal($"coverage{set}.k{k}", found.Coverage);
        }

        // A share is a quotient of counts, whose last bit depends on how it was divided.
        void Equal(string name, double value) => errors.Add(new FixtureError(name, Error([value], Doubles(file, name), 0), 1e-15));
    }

    private static FeatureRows Rows(SafetensorsFile file, string name)
    {
        SafetensorsEntry entry = file.Require(name);
        return entry.Shape.Length == 2 && entry.Shape[1] > 0
            ? new FeatureRows(file.ReadSingles(name), (int)entry.Shape[0], (int)entry.Shape[1])
            : throw new InvalidFileException(file.Path, $"tensor '{name}' is no matrix of features");
    }

    private static double[] Doubles(SafetensorsFile file, string name) => file.Require(name).Type == SafetensorsType.F64
        ? MemoryMarshal.Cast<byte, double>(file.ReadBytes(name)).ToArray()
        : throw new InvalidFileException(file.Path, $"tensor '{name}' is not of float64");

    /// <summary>L2 error relative to the expected values, or to a scale.</summary>
    private static double Error(double[] values, double[] expected, double scale)
    {
        if (values.Length != expected.Length)
            return double.PositiveInfinity;
        double error = 0, norm = 0;
        for (int i = 0; i < values.Length; i++)
        {
            error += (values[i] - expected[i]) * (values[i] - expected[i]);
            norm += expected[i] * expected[i];
        }

        double over = Math.Max(Math.Sqrt(norm), scale);
        return error == 0 ? 0 : Math.Sqrt(error) / over;
    }
}
