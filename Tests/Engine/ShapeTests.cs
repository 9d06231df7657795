using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class ShapeTests
{
    [Fact]
    public void Names_its_extents_from_both_ends()
    {
        var shape = new Shape(2, 3, 5, 7);
        Assert.Equal((2, 3, 5, 7), (shape.N, shape.H, shape.W, shape.C));
        Assert.Equal((2, 3, 5, 7), (shape[0], shape[-3], shape[2], shape[-1]));
        Assert.Equal((4, 210L), (shape.Rank, shape.Count));
        Assert.Equal("(2, 3, 5, 7)", shape.ToString());
        Assert.Equal([2, 3, 5, 7], shape.ToArray());
        Assert.Equal((6, 6), (new Shape(6).N, new Shape(6).C));
    }

    [Fact]
    public void Counts_beyond_32_bits() => Assert.Equal(1L << 40, new Shape(1 << 20, 1 << 20).Count);

    [Fact]
    public void Equality_sees_rank_and_order()
    {
        Assert.True(new Shape(2, 3) == new Shape(2, 3));
        Assert.True(new Shape(2, 3) != new Shape(3, 2));
        Assert.NotEqual(new Shape(2, 3), new Shape(2, 3, 1));
        Assert.Equal(new Shape(2, 3).GetHashCode(), new Shape(2, 3).GetHashCode());
    }

    [Theory]
    [InlineData(new int[0])]
    [InlineData(new[] { 1, 2, 3, 4, 5 })]
    [InlineData(new[] { 2, 0 })]
    [InlineData(new[] { -1 })]
    public void Refuses_what_is_no_shape(int[] extents) => Assert.Throws<ArgumentException>(() => new Shape(extents));

    [Theory]
    [InlineData(2)]
    [InlineData(-3)]
    public void Refuses_an_axis_it_has_not(int axis) => Assert.Throws<ArgumentOutOfRangeException>(() => new Shape(2, 3)[axis]);
}
