using TrigFlowNative.Training.Evaluation;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public class NeighbourhoodsTests
{
    private static readonly FeatureRows Real = SlowDistances.Features(230, 24, 1), Judged = SlowDistances.Features(190, 24, 2, 0.04);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Counts_are_those_of_plain_loops(bool strictly)
    {
        IReadOnlyList<Neighbourhoods> found = Neighbourhoods.Of(Real, Judged, strictly, 3, 5);
        Assert.Equal([SlowDistances.Neighbours(Real, Judged, 3, strictly), SlowDistances.Neighbours(Real, Judged, 5, strictly)], found);
        Assert.InRange(found[0].Precision, 0.1, 0.99);
    }

    /// <summary>A set against itself: each point and its k neighbours lie on or in the ball; the k-th lies on the border, where the conventions differ.</summary>
    [Fact]
    public void On_the_border_a_point_is_inside_unless_strictly()
    {
        Neighbourhoods inside = Neighbourhoods.Of(Real, Real, false, 5)[0], outside = Neighbourhoods.Of(Real, Real, true, 5)[0];
        Assert.Equal(new Neighbourhoods(5, 1, 1, 6 / 5.0, 1), inside);
        Assert.Equal(new Neighbourhoods(5, 1, 1, 1, 1), outside);
    }

    /// <summary>On a line: real 0, 1, 2, 10 and judged 0.5, 3, 30, by hand with k = 1.</summary>
    [Fact]
    public void Points_on_a_line()
    {
        FeatureRows real = new([0, 1, 2, 10], 4, 1), judged = new([0.5f, 3, 30], 3, 1);

        // Real balls: [-1, 1], [0, 2], [1, 3], [2, 18]; judged: [-2, 3], [0.5, 5.5], [3, 57].
        Assert.Equal(new Neighbourhoods(1, 2 / 3.0, 1, 4 / 3.0, 1), Neighbourhoods.Of(real, judged, false, 1)[0]);
        Assert.Equal(new Neighbourhoods(1, 2 / 3.0, 1, 3 / 3.0, 3 / 4.0), Neighbourhoods.Of(real, judged, true, 1)[0]);
    }

    /// <summary>Copies, of which a row has more than k: a radius of 0, and the copy is still within it.</summary>
    [Fact]
    public void Copies_are_neighbours_at_distance_0()
    {
        FeatureRows copies = Real.Take([0, 0, 0, 0, 0, 1, 2, 3]);
        Assert.Equal(SlowDistances.Radii(copies, 3), NeighbourRadii.Of(copies, 3)[0], (x, y) => Math.Abs(x - y) <= 1e-13 * x);
        Assert.Equal([0.0, 0, 0, 0, 0], NeighbourRadii.Of(copies, 3)[0][..5]);
        Assert.Equal(1, Neighbourhoods.Of(copies, Real.Take([0, 0, 0, 0]), false, 3)[0].Precision);
        Assert.Equal(0, Neighbourhoods.Of(copies, Real.Take([0, 0, 0, 0]), true, 3)[0].Recall);
    }

    /// <summary>
    /// Points that float32 products cannot tell apart, since they lie 1e-4 from each other and 300 from the origin: |x|^2 + |y|^2 - 2 x y alone would be off by more than all
    /// the distances.
    /// </summary>
    [Fact]
    public void Close_points_far_from_the_origin_are_ordered_exactly()
    {
        const int width = 24, count = 120;
        var random = new Random(5);
        FeatureRows Cloud() => new([.. Enumerable.Range(0, count * width).Select(_ => 64 + MathF.ScaleB(random.Next(16), -16))], count, width);
        FeatureRows first = Cloud(), second = Cloud();
        Assert.Equal(SlowDistances.Radii(first, 3), NeighbourRadii.Of(first, 3)[0], (x, y) => Math.Abs(x - y) <= 1e-13 * x);
        Assert.Equal(SlowDistances.Neighbours(first, second, 3), Neighbourhoods.Of(first, second, false, 3)[0]);
    }

    /// <summary>More rows than a strip.</summary>
    [Fact]
    public void Strips_of_many_rows_give_all_radii()
    {
        FeatureRows many = SlowDistances.Features(1100, 2, 6);
        Assert.Equal(SlowDistances.Radii(many, 2), NeighbourRadii.Of(many, 2)[0], (x, y) => Math.Abs(x - y) <= 1e-13 * x);
    }

    /// <summary>On a device, by tiles that do not divide the sets, and with so short a list that some tiles are done on the host: the same bits as on the host.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_device_finds_the_same_neighbours(string name)
    {
        int some = name == "simulator" ? 24 : 150;
        FeatureRows real = Real.Take([.. Enumerable.Range(0, some)]), judged = Judged.Take([.. Enumerable.Range(0, some - 3), 5, 5]);
        double[][] ofReal = NeighbourRadii.Of(real, 3, 5), ofJudged = NeighbourRadii.Of(judged, 3, 5);
        foreach (int capacity in name == "simulator" ? new[] { 40 } : [10, 4000])
        {
            var search = new DeviceNeighbours(TestDevices.Get(name), name == "simulator" ? 16 : 64, capacity);
            Assert.Equal(ofReal, search.Radii(real, [3, 5]));
            Assert.Equal(ofJudged, search.Radii(judged, [3, 5]));
            Assert.Equal(Neighbourhoods.Of(real, judged, false, 3, 5), Neighbourhoods.Of(search.Count(real, judged, ofReal, ofJudged), [3, 5]));
        }
    }

    [Fact]
    public void What_cannot_be_compared_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Neighbourhoods.Of(Real, Judged.Take(1, 2, 3), false, 3));
        Assert.Throws<ArgumentException>(() => Neighbourhoods.Of(Real, SlowDistances.Features(20, 3, 1), false, 3));
        Assert.Throws<ArgumentException>(() => NeighbourRadii.Of(new FeatureRows([1, 2, float.NaN, 4], 4, 1), 1));
    }
}
