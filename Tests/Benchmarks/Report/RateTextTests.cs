using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Report;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Units that fit the rate, and lines without empty ones.</summary>
public class RateTextTests
{
    [Fact]
    public void Rates_have_the_unit_in_which_they_are_numbers()
    {
        Assert.Equal("110.9 GFLOP/s", RateText.Flops(110.94e9));
        Assert.Equal("0.05 GB/s", RateText.Bytes(5e7));
        Assert.Equal("712.3 TFLOP/s", RateText.Flops(712.34e12));
        Assert.Equal("unknown B/s", RateText.Bytes(double.NaN));
    }

    [Fact]
    public void A_line_shows_the_spread_and_what_is_known_alone()
    {
        BenchmarkRow row = new() { Op = "norm", Direction = "backward", Shape = "n2", Path = "cpu", Verdict = "ok", Microseconds = 3090.4, Low = 12.1, High = 4000 };
        Assert.Equal("norm/backward/n2 (cpu): 3,090.4 us (12.1 to 4,000.0), ok", RateText.Line(row));
        Assert.Equal("norm/backward/n2 (cpu): 3,090.4 us (12.1 to 4,000.0), 7 GB/s, error 1.2e-7, ok", RateText.Line(row with { Tbps = 0.007, Error = 1.2e-7 }));
        Assert.Equal("norm/backward/n2 (cpu): FAILED no kernel", RateText.Line(new BenchmarkRow { Op = "norm", Direction = "backward", Shape = "n2", Path = "cpu", Verdict = "FAILED", Note = "no kernel" }));
    }

    [Fact]
    public void Tables_take_giga_where_all_is_below_one_tera()
    {
        BenchmarkRow host = new() { Op = "gemm", Tflops = 0.05, Tbps = 0.002, Verdict = "ok", Device = "2 threads", Machine = "a processor", Load = 1.5 };
        string table = RowTables.Full([host, host with { Op = "step" }]);
        Assert.Contains("GFLOP/s", table, StringComparison.Ordinal);
        Assert.Contains("GB/s", table, StringComparison.Ordinal);
        Assert.Matches(@"\| +50\.0 +\| +2\.00 ", table);
        Assert.DoesNotContain("TFLOP/s", table, StringComparison.Ordinal);
        Assert.Contains("TFLOP/s", RowTables.Full([host, host with { Tflops = 700 }]), StringComparison.Ordinal);
        Assert.Equal("2 threads; a processor; load at start 2.5\n", RowTables.Machines([host, host with { Load = 2.5 }]));
    }
}
