using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>A fixture whose results come from plain loops passes, and each result is really compared.</summary>
public sealed class DistanceCheckTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_fixture_of_plain_loops_passes()
    {
        IReadOnlyList<FixtureError> errors = DistanceCheck.Run(Write(Results()));
        Assert.All(errors, error => Assert.True(error.Passes, error.ToString()));
        Assert.Equal(35, errors.Count);
        Assert.True(DistanceCheck.IsFixture(folder.File("fixture")));
    }

    [Theory]
    [InlineData("b.mean")]
    [InlineData("a.covariance")]
    [InlineData("frechet.ab")]
    [InlineData("frechet.ac")]
    [InlineData("frechet.ab.trace")]
    [InlineData("kid.all")]
    [InlineData("kid.std")]
    [InlineData("recall.k3")]
    [InlineData("density.same.k5")]
    [InlineData("radii_b.k3")]
    [InlineData("inception_score.splits")]
    public void A_result_that_is_off_by_a_millionth_fails(string name)
    {
        Dictionary<string, double[]> results = Results();
        results[name][0] *= 1 + 1e-6;
        FixtureError failed = Assert.Single(DistanceCheck.Run(Write(results)), error => !error.Passes);
        Assert.Equal(name, failed.Name);
    }

    [Fact]
    public void A_file_that_lacks_something_is_refused()
    {
        Dictionary<string, double[]> results = Results();
        results.Remove("recall.k5");
        Assert.Contains("no tensor 'recall.k5'", Assert.Throws<InvalidFileException>(() => DistanceCheck.Run(Write(results))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => folder.Dispose();

    private static readonly FeatureRows A = SlowDistances.Features(60, 12, 1), B = SlowDistances.Features(50, 12, 2, 0.07), C = SlowDistances.Features(8, 12, 3), Logits = SlowDistances.Features(40, 5, 4);

    private static readonly int[] First = [.. Enumerable.Range(0, 40).Select(i => i * 7 % 60)], Second = [.. Enumerable.Range(0, 40).Select(i => i * 3 % 50)];

    private static Dictionary<string, double[]> Results()
    {
        Dictionary<string, double[]> results = [];
        foreach ((string name, FeatureRows rows) in new[] { ("a", A), ("b", B) })
        {
            (results[$"{name}.mean"], double[,] covariance) = SlowDistances.Moments(rows);
            results[$"{name}.covariance"] = SlowAlgebra.Flat(covariance);
            results[$"radii_{name}.k3"] = [.. SlowDistances.Radii(rows, 3).Select(Math.Sqrt)];
        }

        foreach ((string pair, FeatureRows other) in new[] { ("ab", B), ("ac", C), ("aa", A) })
        {
            double distance = SlowDistances.Frechet(A, other);
            (double[] m1, double[,] s1) = SlowDistances.Moments(A);
            (double[] m2, double[,] s2) = SlowDistances.Moments(other);
            results[$"frechet.{pair}"] = [distance];
            results[$"frechet.{pair}.trace"] = [(m1.Zip(m2, (x, y) => (x - y) * (x - y)).Sum() + Enumerable.Range(0, 12).Sum(i => s1[i, i] + s2[i, i]) - distance) / 2];
        }

        double[] kernels = [.. Enumerable.Range(0, 4).Select(i => SlowDistances.Kernel(A.Take(First.AsSpan(10 * i, 10)), B.Take(Second.AsSpan(10 * i, 10))))];
        results["kid.subsets"] = kernels;
        results["kid.mean"] = [kernels.Average()];
        results["kid.std"] = [Math.Sqrt(kernels.Average(value => Math.Pow(value - kernels.Average(), 2)))];
        results["kid.all"] = [SlowDistances.Kernel(A, B)];
        foreach ((string set, FeatureRows judged) in new[] { ("", B), (".same", A) })
            foreach (int k in new[] { 3, 5 })
            {
                Neighbourhoods found = SlowDistances.Neighbours(A, judged, k);
                results[$"precision{set}.k{k}"] = [found.Precision];
                results[$"recall{set}.k{k}"] = [found.Recall];
                results[$"density{set}.k{k}"] = [found.Density];
                results[$"coverage{set}.k{k}"] = [found.Coverage];
            }

        double[] scores = [.. Enumerable.Range(0, 10).Select(split => InceptionScoreTests.Score(Logits, split * 4, split * 4 + 4))];
        results["inception_score.splits"] = scores;
        results["inception_score.mean"] = [scores.Average()];
        results["inception_score.std"] = [Math.Sqrt(scores.Average(value => Math.Pow(value - scores.Average(), 2)))];
        return results;
    }

    private string Write(Dictionary<string, double[]> results)
    {
        var writer = new SafetensorsWriter();
        foreach ((string name, FeatureRows rows) in new[] { ("a", A), ("b", B), ("c", C), ("logits", Logits) })
            writer.Add(name, [rows.Count, rows.Width], rows.Values);
        writer.Add("kid.indices_a", [4, 10], First);
        writer.Add("kid.indices_b", [4, 10], Second);
        foreach ((string name, double[] values) in results)
            writer.Add(name, SafetensorsType.F64, [values.Length], stream => stream.Write(MemoryMarshal.AsBytes<double>(values)));
        writer.Save(folder.File("fixture"));
        return folder.File("fixture");
    }
}
