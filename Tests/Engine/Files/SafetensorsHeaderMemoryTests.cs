using System.Text;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>What a header costs in memory while it is read, at a sixteenth of the length that is accepted.</summary>
public class SafetensorsHeaderMemoryTests
{
    private const int Length = SafetensorsHeader.MaxAcceptedBytes / 16;

    [Theory]
    [InlineData("extents")]
    [InlineData("tensors")]
    [InlineData("metadata")]
    public void Header_takes_at_most_twenty_times_its_length(string kind)
    {
        string json = kind switch
        {
            "extents" => $"{{\"a\":{{\"dtype\":\"U8\",\"shape\":[0{Repeat(Length / 2 - 50, _ => ",0")}],\"data_offsets\":[0,0]}}}}",
            "tensors" => $"{{{Repeat(Length / 57, i => $"\"{i:d6}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}},")}\"z\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}}}",
            _ => $"{{\"__metadata__\":{{{Repeat(Length / 13, i => $"\"{i:d6}\":\"\",")}\"z\":\"\"}}}}",
        };
        byte[] header = Encoding.UTF8.GetBytes(json);
        Assert.InRange(header.Length, Length * 7 / 8, Length * 9 / 8);
        long before = GC.GetAllocatedBytesForCurrentThread();
        SafetensorsHeader.Parse("x", header, 0);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, Length, 20 * Length);
    }

    private static string Repeat(int count, Func<int, string> text) => string.Concat(Enumerable.Range(0, count).Select(text));
}
