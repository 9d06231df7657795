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
        IReadOnlyList<ParameterSpec> parameters = new UNet(SamplerNetwork.Plain).Parameters;
        int index = Enumerable.Range(0, parameters.Count).First(i => parameters[i].Bound > 0 && parameters[i].Shape.Count is > 1024 and < 4096);
        float[] values = parameters[index].InitialValues(seed, index);
        for (int i = 0; i < values.Length; i++)
        {
            Philox.Words words = Philox.At((uint)(i / 4), (uint)index, 0, purpose, 0x9ABC_DEF0, 0x1234_5678);
            uint word = (i % 4) switch { 0 => words.A, 1 => words.B, 2 => words.C, _ => words.D };
            Assert.Equal(parameters[index].Bound * (2 * Philox.ToUnit(word) - 1), values[i]);
        }
    }
}
