using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Files;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class JudgeTests
{
    private static readonly MemorySource Real = Images(120, 1, 0), Other = Images(90, 2, 30);

    /// <summary>Every metric, through the network's batches, gives what the rows themselves give.</summary>
    [Fact]
    public void Metrics_are_those_of_the_rows()
    {
        using var network = new Halves();
        var judge = new Judge(network, FeatureMetrics.All.Keys);
        FeatureTable reference = judge.LookAtReference(Real), judged = judge.Look(Other);
        Dictionary<string, JudgedValue> values = judge.Measure(reference, judged).ToDictionary(value => value.Name);
        FeatureRows a = Rows(Real, 0, 6), b = Rows(Other, 0, 6);
        Assert.Equal(SlowDistances.Frechet(a, b), values["fd-halves"].Value, 1e-8);
        Assert.Equal(SlowDistances.Frechet(Rows(Real, 6, 6), Rows(Other, 6, 6)), values["sfid-halves"].Value, 1e-8);
        Assert.Equal(1, values["kid-all-halves"].Value / SlowDistances.Kernel(a, b), 1e-9);
        Assert.Equal(KernelDistance.OverSubsets(a, b).Deviation, values["kid-halves"].Deviation);
        Neighbourhoods three = SlowDistances.Neighbours(a, b, 3), five = SlowDistances.Neighbours(a, b, 5);
        Assert.Equal((three.Precision, three.Recall), (values["precision-halves"].Value, values["recall-halves"].Value));
        Assert.Equal((five.Density, five.Coverage), (values["density-halves"].Value, values["coverage-halves"].Value));
        Assert.Equal(InceptionScore.Of(Rows(Other, 6, 6)).Mean, values["inception-score-halves"].Value);
        Assert.Equal(FrechetInfinity.Between(b, Moments.Of(a)), values["fd-infinity-halves"].Value);
        Assert.Equal([Better.Higher, Better.Lower], new[] { values["recall-halves"].Better, values["kid-halves"].Better });
        Assert.All(network.Counts, count => Assert.InRange(count, 1, 7));
        Assert.Equal(120 + 90, network.Counts.Sum());
    }

    [Fact]
    public void Moments_serve_where_no_metric_takes_rows()
    {
        using var network = new Halves();
        FeatureRows a = Rows(Real, 0, 6);
        var stored = new ReferenceMoments(Moments.Of(a), null, null, HoldsImages: false);
        var judge = new Judge(network, ["fd"]);
        double whole = judge.Measure(judge.LookAtReference(Real), judge.Look(Other))[0].Value;
        Assert.Equal(whole, judge.Measure(judge.Take(stored, "m.npz")!, judge.Look(Other))[0].Value);
        Assert.Contains("m.npz holds only their moments", Refused(() => new Judge(network, ["fd", "kid"]).Take(stored, "m.npz")), StringComparison.Ordinal);
        Assert.Contains("m.npz holds no mu_s", Refused(() => new Judge(network, ["sfid"]).Take(stored, "m.npz")), StringComparison.Ordinal);
        ReferenceMoments narrow = stored with { Pooled = new Moments(0, [1], [1]) };
        Assert.Contains("holds moments of 1 features, but 'halves' has 6", Assert.Throws<InvalidFileException>(() => judge.Take(narrow, "m.npz")).Message, StringComparison.Ordinal);
    }

    /// <summary>As of ADM: the stored moments are of other images than those beside them, and each metric takes its own.</summary>
    [Fact]
    public void Stored_moments_stay_those_of_the_file_where_other_metrics_take_its_images()
    {
        using var network = new Halves();
        var stored = new ReferenceMoments(Moments.Of(Rows(Images(300, 5, 10), 0, 6)), null, null, HoldsImages: true);
        var alone = new Judge(network, ["fd"]);
        double expected = alone.Measure(alone.Take(stored, "m.npz"), alone.Look(Other))[0].Value;
        var judge = new Judge(network, ["fd", "kid", "density-coverage", "fd-infinity"]);
        FeatureTable known = judge.Take(stored, "m.npz", Real);
        Dictionary<string, double> values = judge.Measure(known, judge.Look(Other)).ToDictionary(value => value.Name, value => value.Value);
        Assert.Equal(expected, values["fd-halves"]);
        Assert.Equal(FrechetInfinity.Between(Rows(Other, 0, 6), stored.Pooled), values["fd-infinity-halves"]);
        Assert.Equal(KernelDistance.OverSubsets(Rows(Real, 0, 6), Rows(Other, 0, 6)).Mean, values["kid-halves"]);
        Assert.Equal((300L, 120), (known.Count, known.Samples));
        FeatureTable rows = new Judge(network, ["kid"]).Take(stored, "m.npz", Real);
        Assert.Equal((120L, 0), (rows.Count, rows.Samples));
    }

    [Theory]
    [InlineData("fd", 1, 2, false, "--metrics fd: 1 images to judge are too few, at least 2 are needed")]
    [InlineData("fd", 2, 1, false, "--metrics fd: 1 images of the reference are too few, at least 2")]
    [InlineData("precision-recall", 5, 6, false, "--metrics precision-recall: 5 images to judge are too few, at least 6")]
    [InlineData("density-coverage", 6, 5, true, "--metrics density-coverage: 5 images of the reference are too few, at least 6")]
    [InlineData("fd-infinity", 19, 2, false, "19 images to judge are too few, at least 20")]
    [InlineData("inception-score", 9, 1, false, "9 images to judge are too few, at least 10")]
    public void Too_few_images_are_refused_before_features(string metric, int judged, int reference, bool stored, string reason)
    {
        using var network = new Halves();
        var judge = new Judge(network, [metric]);
        Assert.Contains(reason, Refused(() => judge.RequireCounts(judged, reference, stored)), StringComparison.Ordinal);
        judge.RequireCounts(20, 6, stored);
        if (metric == "fd")
            judge.RequireCounts(2, 1, stored: true);
    }

    /// <summary>What programs differ in stands beside each value.</summary>
    [Fact]
    public void Values_say_how_they_were_taken()
    {
        using var network = new Halves();
        var judge = new Judge(network, FeatureMetrics.All.Keys);
        FeatureTable reference = judge.LookAtReference(Real);
        Dictionary<string, string> notes = judge.Measure(reference, judge.Look(Other)).ToDictionary(value => value.Name, value => value.Note);
        Assert.Equal("100 subsets of 90, seed 2020; +- population deviation", notes["kid-halves"]);
        Assert.Equal("all images", notes["kid-all-halves"]);
        Assert.Equal("k = 3", notes["recall-halves"]);
        Assert.Equal("k = 5, ball's border included", notes["density-halves"]);
        Assert.Equal("10 splits; +- population deviation", notes["inception-score-halves"]);
        Assert.All(notes.Values, note => Assert.NotEmpty(note));
        Assert.Equal("all images", Assert.Single(judge.Measure(reference, judge.Look(Images(120, 9, 3))), value => value.Name == "kid-halves").Note);
    }

    [Fact]
    public void What_cannot_be_judged_is_refused_in_words_of_the_option()
    {
        using var pixels = new PixelFeatures(2, 2, 3);
        Assert.Contains("--metrics inception-score: the features 'pixels' have nothing that it takes (pixels)", Refused(() => _ = new Judge(pixels, ["inception-score"])), StringComparison.Ordinal);
        var judge = new Judge(pixels, ["precision-recall"]);
        MemorySource five = Images(5, 1, 0);
        Assert.Contains("--metrics precision-recall: nearest neighbours: 5 images are too few", Refused(() => judge.Measure(judge.LookAtReference(Real), judge.Look(five))), StringComparison.Ordinal);
        Assert.Contains("1 images have no covariance", Refused(() => judge.Look(Images(1, 1, 0))), StringComparison.Ordinal);
        using var broken = new Halves { Broken = true };
        Assert.Contains("not finite", Refused(() => new Judge(broken, ["fd"]).Look(Other)), StringComparison.Ordinal);
        using var device = new CpuDevice();
        Assert.Contains("--weights w: the features 'pixels' have none", Refused(() => FeatureNetworks.Open("pixels", new FeatureRequest(device, "w", null, 2, 2, 3))), StringComparison.Ordinal);
        Assert.Contains("have 49152 values, at most 4096", Refused(() => FeatureNetworks.Open("pixels", new FeatureRequest(device, null, null, 128, 128, 3))), StringComparison.Ordinal);
    }

    private static string Refused(Action action)
    {
        string message = Assert.Throws<UsageException>(action).Message;
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static MemorySource Images(int count, int seed, int brighter)
    {
        var random = new Random(seed);
        return new MemorySource(new ByteImages(Enumerable.Range(0, count * 12).Select(_ => (byte)(random.Next(100) + random.Next(100) + brighter)).ToArray(), count, 2, 2, 3), "noise");
    }

    private static FeatureRows Rows(MemorySource source, int first, int width) =>
        new([.. Enumerable.Range(0, source.Count).SelectMany(n => source.Images[n].Slice(first, width).ToArray().Select(value => value / 64f))], source.Count, width);

    /// <summary>A network whose features are the two halves of an image, which takes at most seven images at a time.</summary>
    private sealed class Halves : IFeatureNetwork
    {
        public List<int> Counts { get; } = [];

        public bool Broken { get; init; }

        public string Name => "halves";

        public string Input => "";

        public string Arithmetic => "";

        public IReadOnlyList<FeatureSpec> Outputs { get; } = [new FeatureSpec("first", 6, ""), new FeatureSpec("spatial", 6, ""), new FeatureSpec("logits", 6, "")];

        public int Batch => 7;

        public void Compute(ReadOnlySpan<byte> images, int count, int height, int width, int channels, FeatureBatch into)
        {
            Counts.Add(count);
            foreach (FeatureSpec kind in into.Kinds)
                for (int i = 0; i < count * 6; i++)
                    into[kind.Name][i] = Broken ? float.NaN : images[i / 6 * 12 + (kind.Name == "first" ? 0 : 6) + i % 6] / 64f;
        }

        public void Dispose()
        {
        }
    }
}
