using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Peers;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Training;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Times of others from tables of theirs or ours.</summary>
public sealed class PeerTimesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void The_last_peer_wins_and_a_table_of_ours_can_be_one()
    {
        string first = Path.Combine(folder.Path, "a.csv"), second = Path.Combine(folder.Path, "b.csv");
        File.WriteAllText(first, "op,direction,shape,us,tflops\ngemm,forward,1x1x1,10,0\ngemm,forward,2x2x2,20,0\n");
        CsvTable.Write(second, [new BenchmarkRow { Op = "gemm", Direction = "forward", Shape = "1x1x1", Microseconds = 30 }, new BenchmarkRow { Op = "gemm", Direction = "forward", Shape = "3x3x3" }]);
        var peers = new PeerTimes([first, second]);
        BenchmarkRow Beside(string shape) => peers.Beside(new BenchmarkRow { Op = "gemm", Direction = "forward", Shape = shape, Microseconds = 10 });
        Assert.Equal(3, Beside("1x1x1").Ratio);
        Assert.Equal(2, Beside("2x2x2").Ratio);
        Assert.Null(Beside("3x3x3").Ratio);
    }

    [Theory]
    [InlineData("missing.csv", null)]
    [InlineData("garbage.csv", "op,direction,shape,us\ngemm,forward,1x1x1,fast\n")]
    public void A_file_that_is_no_table_is_bad_input(string name, string? text)
    {
        string path = Path.Combine(folder.Path, name);
        if (text is not null)
            File.WriteAllText(path, text);
        UsageException e = Assert.Throws<UsageException>(() => new PeerTimes([path]));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    public void Dispose() => folder.Dispose();
}
