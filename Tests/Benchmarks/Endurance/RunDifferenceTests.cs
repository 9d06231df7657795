using TrigFlowNative.Benchmarks.Endurance;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>One bit, one state, one line: every difference between two runs is found and counted.</summary>
public sealed class RunDifferenceTests : IDisposable
{
    private const string Header = "step,objective,loss,images_per_second";
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Equal_runs_differ_in_their_speed_alone()
    {
        RunDifference difference = Compare(1.5f, 1.5f, ["5,sct,0.25,100", "10,sct,0.125,90"], ["5,sct,0.25,7", "10,sct,0.125,8"]);
        Assert.Equal(0, difference.Bits);
        Assert.Empty(difference.Faults);
    }

    [Fact]
    public void Bits_of_weights_and_states_are_counted()
    {
        float next = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(1.5f) ^ 0b101);
        RunDifference difference = Compare(1.5f, next, [], []);
        Assert.Equal(4, difference.Bits); // two in the model, two in the state
        Assert.Contains(difference.Faults, fault => fault.Contains("model.safetensors: w differs in 2 bits", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("checkpoints/step-1.safetensors")]
    public void A_missing_or_damaged_file_is_all_of_its_bits(string name)
    {
        string whole = Make("whole", 1, []), other = Make("other", 1, []);
        File.Delete(Path.Combine(other, name));
        Assert.Equal(96, RunDifference.Between(whole, other).Bits); // three fp32 numbers
        File.WriteAllText(Path.Combine(other, name), "x");
        Assert.Equal(96, RunDifference.Between(whole, other).Bits);
    }

    [Theory]
    [InlineData("is not in rising order|has 3 lines, not 2", "5,sct,0.25,1", "5,sct,0.25,1", "10,sct,0.125,1")]
    [InlineData("has 1 lines, not 2", "5,sct,0.25,1")]
    [InlineData("step 10", "5,sct,0.25,1", "10,sct,0.1250000001,1")]
    [InlineData("step 5", "6,sct,0.25,1", "10,sct,0.125,1")]
    [InlineData("step 10", "5,sct,0.25,1", "10,sct")]
    public void Lines_of_the_log_are_compared(string reasons, params string[] lines)
    {
        RunDifference difference = Compare(1, 1, ["5,sct,0.25,1", "10,sct,0.125,1"], lines);
        Assert.Equal(0, difference.Bits);
        foreach (string reason in reasons.Split('|'))
            Assert.Contains(difference.Faults, fault => fault.Replace("are not", "is not", StringComparison.Ordinal).Contains(reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_log_that_is_gone_is_a_fault()
    {
        string whole = Make("whole", 1, []), other = Make("other", 1, []);
        File.Delete(Path.Combine(other, "metrics.csv"));
        Assert.Equal(["metrics.csv is missing"], RunDifference.Between(whole, other).Faults);
    }

    public void Dispose() => folder.Dispose();

    private RunDifference Compare(float first, float second, string[] lines, string[] others) => RunDifference.Between(Make("first", first, lines), Make("second", second, others));

    private string Make(string name, float value, string[] lines)
    {
        string run = folder.File(name);
        foreach (string file in (string[])["model.safetensors", "checkpoints/step-1.safetensors"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(run, file))!);
            var writer = new SafetensorsWriter();
            writer.SetMetadata("made", name); // metadata may differ
            writer.Add("w", [3], (ReadOnlyMemory<float>)(float[])[0, value, 2]);
            writer.Save(Path.Combine(run, file));
        }

        File.WriteAllLines(Path.Combine(run, "metrics.csv"), lines.Prepend(Header));
        return run;
    }
}
