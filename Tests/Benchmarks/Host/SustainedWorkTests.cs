using TrigFlowNative.Benchmarks;
using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Timing;
using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Work timed as a long run has it: after a time of load, without waiting between runs.</summary>
public class SustainedWorkTests
{
    private static readonly SustainOptions Short = new(WarmSeconds: 0.05, Seconds: 0.2);

    [Fact]
    public void The_device_is_waited_for_only_at_the_ends_and_all_runs_count()
    {
        using var device = new Counting();
        SustainedTime time = new SustainedClock(device, Short).Measure(run => device.Queue(run, TimeSpan.FromMilliseconds(2)), first: 7);
        Assert.Equal(2, device.Waits);
        Assert.Equal(Enumerable.Range(7, device.Runs.Count), device.Runs); // numbers go on from the burst's
        Assert.InRange(time.Runs, 1, device.Runs.Count - 1); // those that load the card do not count
        Assert.InRange(time.Seconds, 0.002, 0.2);
        Assert.InRange(time.Runs * time.Seconds, Short.Seconds, 10 * Short.Seconds);
        Assert.Equal((LoadReading.Unknown, null), (time.Load, time.Joules));
    }

    /// <summary>A device that is behind the host when the time is over is waited for, and the wait counts.</summary>
    [Fact]
    public void What_the_device_still_has_to_do_counts()
    {
        using var device = new Counting();
        SustainedTime time = new SustainedClock(device, new SustainOptions(0, 0.001)).Measure(run =>
        {
            Thread.Sleep(2);
            device.Owe(TimeSpan.FromMilliseconds(60));
        });
        Assert.Equal(1, time.Runs);
        Assert.InRange(time.Seconds, 0.06, 1);
    }

    [Fact]
    public void Works_on_images_have_both_times_and_others_the_burst_alone()
    {
        SuiteCase[] cases = [.. new[] { "sample/1-step/demo n2", "launch/graph/10 kernels", "feed/loader/n2 c3 16x16" }.SelectMany(name => BenchmarkSuite.Named(name, DType.Float32))];
        var told = new List<string>();
        var bench = new HostBench(TestDevices.Get("cpu"), new Ceilings(1e12, 1e12), quick: true, TextWriter.Null, some => told.AddRange(some.Select(row => row.Name)))
        {
            Sustain = Short,
            SustainedCeilings = new Ceilings(5e11, 4e11),
        };
        IReadOnlyList<BenchmarkRow> rows = bench.Run(cases);
        Assert.Equal(cases.Select(each => each.Name), rows.Select(row => row.Name));
        Assert.Equal(cases.Select(each => each.Name).Order(StringComparer.Ordinal), told.Order(StringComparer.Ordinal));
        Assert.True(rows[0] is { Microseconds: > 0, SustainedMicroseconds: > 0, SustainedBestTflops: 0.4, SustainedTflops: > 0, SustainedBoundPercent: > 0 }, $"{rows[0]}");
        Assert.Equal(2e6, rows[0].SustainedImagesPerSecond!.Value * rows[0].SustainedMicroseconds!.Value, 1e-3);
        Assert.True(rows[1] is { Microseconds: > 0, SustainedMicroseconds: null });
        Assert.True(rows[2] is { SustainedMicroseconds: > 0, SustainedBoundPercent: null, SustainedBestTflops: null });
    }

    [Fact]
    public void Nothing_is_sustained_unless_it_is_asked_for() =>
        Assert.Null(Assert.Single(new HostBench(TestDevices.Get("cpu"), Ceilings.Unknown, quick: true, TextWriter.Null).Run([.. BenchmarkSuite.Named("feed/loader/n2 c3 16x16", DType.Float32)])).SustainedMicroseconds);

    [Fact]
    public void Work_that_fails_under_load_is_a_failure()
    {
        BenchmarkRow row = Assert.Single(new HostBench(TestDevices.Get("cpu"), Ceilings.Unknown, quick: true, TextWriter.Null) { Sustain = Short }.Run([new FailsLate()]));
        Assert.Equal((BenchmarkRow.Failed, "late", (double?)null), (row.Verdict, row.Note, row.SustainedMicroseconds));
    }

    [Fact]
    public void Row_has_rates_energy_and_the_bound_of_the_sustained_state()
    {
        var time = new SustainedTime(Seconds: 0.1, Runs: 100) { Load = new LoadReading(1600, 690, 6900, 60, "power cap") };
        BenchmarkRow row = (new BenchmarkRow { Flops = 5e13, Bytes = 1e9 }).WithSustained(time, images: 256, new Ceilings(4e12, 6.25e14));
        Assert.Equal((1e5, 2560.0, 500.0, 1600.0, 690.0), (row.SustainedMicroseconds, row.SustainedImagesPerSecond, row.SustainedTflops, row.SustainedMegahertz, row.SustainedWatts));
        Assert.Equal(6900.0 / 100 / 256, row.JoulesPerImage!.Value, 12);
        Assert.Equal(80, row.SustainedBoundPercent!.Value, 9);
        Assert.Equal((4.0, 625.0, "power cap"), (row.SustainedCopyTbps, row.SustainedBestTflops, row.SustainedThrottled));
        BenchmarkRow beside = row.WithPeer(new BenchmarkRow { Path = "pytorch", Microseconds = 300e3, SustainedMicroseconds = 250e3, JoulesPerImage = 0.6 });
        Assert.Equal((250e3, 2.5, 0.6, "pytorch"), (beside.PeerSustainedMicroseconds, beside.SustainedRatio, beside.PeerJoulesPerImage, beside.Peer));
        Assert.Equal(row, row.WithSustained(null, 1, Ceilings.Unknown));
    }

    [Fact]
    public void The_host_has_ceilings_under_load_too()
    {
        using var cpu = new CpuDevice();
        Ceilings kept = SustainedCeilings.Measure(cpu, DType.Float32, new SustainOptions(0, 0.1));
        Assert.True(kept is { BytesPerSecond: > 1e8, FlopsPerSecond: > 1e8 }, $"{kept}");
        Assert.Equal(Ceilings.Unknown, SustainedCeilings.Measure(TestDevices.Get("simulator"), DType.Float32, Short));
    }

    private sealed class FailsLate() : WorkCase("planted", "forward", "n1", DType.Float32)
    {
        public override int Images => 1;

        public override PreparedWork Prepare(ComputeDevice device) => new Work();

        private sealed class Work : PreparedWork
        {
            public override void Run(int run)
            {
                if (run > 50) // the harness's runs are fewer
                    throw new InvalidOperationException("late");
            }

            protected override void Dispose(bool disposing)
            {
            }
        }
    }

    /// <summary>A device that counts how often it is waited for.</summary>
    private sealed class Counting : ComputeDevice
    {
        private TimeSpan owed;

        public List<int> Runs { get; } = [];

        public int Waits { get; private set; }

        public override string Name => "counting";

        public override string Description => "counting";

        public override long AllocatedBytes => 0;

        public void Queue(int run, TimeSpan time)
        {
            Runs.Add(run);
            Thread.Sleep(time);
        }

        public void Owe(TimeSpan time) => owed = time;

        public override void Synchronize()
        {
            Waits++;
            Thread.Sleep(owed);
            owed = TimeSpan.Zero;
        }

        internal override DeviceMemory Allocate(long bytes, string what) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
        }
    }
}
