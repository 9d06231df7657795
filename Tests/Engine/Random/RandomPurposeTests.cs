using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class RandomPurposeTests
{
    [Fact]
    public void No_two_purposes_share_numbers()
    {
        uint[] values = [.. Enum.GetValues<RandomPurpose>().Select(purpose => (uint)purpose)];
        Assert.Equal(Enum.GetNames<RandomPurpose>().Length, values.Distinct().Count());
        const uint blocks = 1 << 16; // a network's blocks count up from it
        Assert.DoesNotContain(values, value => value - (uint)RandomPurpose.Dropout is > 0 and < blocks);
    }
}
