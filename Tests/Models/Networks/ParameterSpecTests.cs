using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public class ParameterSpecTests
{
    [Fact]
    public void Initial_values_are_those_of_their_counters()
    {
        const ulong seed = 0x1234_5678_9ABC_DEF0;
        const uint purpose = 0x496E6974;
        const float bound = 0.25f;
        const int index = 17, count = 3001;
        float[] values = InitialValues.Uniform(bound).Draw(count, seed, index);
        for (int i = 0; i < values.Length; i++)
        {
            Philox.Words words = Philox.At((uint)(i / 4), (uint)index, 0, purpose, 0x9ABC_DEF0, 0x1234_5678);
            uint word = (i % 4) switch { 0 => words.A, 1 => words.B, 2 => words.C, _ => words.D };
            Assert.Equal(bound * (2 * Philox.ToUnit(word) - 1), values[i]);
        }
    }
}
