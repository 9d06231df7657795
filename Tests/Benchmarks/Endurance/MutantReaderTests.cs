using TrigFlowNative.Benchmarks.Endurance;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>Every format stands some mutants here, ten thousand with the verb; and what must not happen is seen when a planted reader does it.</summary>
public sealed class MutantReaderTests : IDisposable
{
    private const int Mutants = 200;
    private static readonly MutantLimits Limits = new(Seed: 11, Seconds: 10, Mebibytes: 1024);
    private static readonly byte[] Valid = NoiseImages.Bytes(100);
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Formats => [.. FileFormats.All.Select(each => each.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_damaged_file_is_read_or_refused_in_one_line(string name)
    {
        IReadOnlyList<MutantResult> results = Read(FileFormats.Get(name), Mutants);
        Assert.Equal(Enumerable.Range(0, Mutants).Select(i => (long)i), results.Select(each => each.Index));
        Findings.None(results.Where(each => each.Outcome >= MutantOutcome.Crashed).Select(each => each.ToString()));
        if (name != "metrics.csv") // a line that does not read is left out of the log, which continues from its state anyway
            Assert.Contains(results, each => each.Outcome == MutantOutcome.Refused);
    }

    /// <summary>A reader that takes all, or refuses all, tries nothing: of each format the valid file reads, to the same content each time.</summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void The_valid_file_reads(string name)
    {
        using var device = new CpuDevice(threads: 1);
        FileSample sample = FileFormats.Get(name).Prepare(folder.Path, device);
        byte[] first = sample.Read();
        Assert.NotEmpty(first);
        Assert.Equal(first, sample.Read());
    }

    [Fact]
    public void An_exception_that_is_no_refusal_is_a_crash_with_its_name()
    {
        MutantResult[] crashed = [.. Read(Planted(bytes => bytes.Length < 100 ? throw new FormatException("planted") : bytes), Mutants).Where(each => each.Outcome == MutantOutcome.Crashed)];
        Assert.NotEmpty(crashed);
        Assert.All(crashed, each => Assert.Contains("FormatException: planted", each.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Refusals_of_both_kinds_are_no_faults_unless_they_take_several_lines()
    {
        Assert.All(Read(Planted(bytes => bytes == Valid ? bytes : throw new UsageException("no")), 20), each => Assert.Equal(MutantOutcome.Refused, each.Outcome));
        Assert.All(Read(Planted(bytes => bytes == Valid ? bytes : throw new InvalidFileException("f", "no")), 20), each => Assert.Equal(MutantOutcome.Refused, each.Outcome));
        Assert.All(Read(Planted(bytes => bytes == Valid ? bytes : throw new UsageException("a\nb")), 20), each => Assert.Equal(MutantOutcome.Crashed, each.Outcome));
    }

    [Fact]
    public void Another_content_is_a_silent_change_only_where_there_is_a_checksum()
    {
        Assert.All(Read(Planted(bytes => bytes), 20), each => Assert.Equal(MutantOutcome.Read, each.Outcome));
        Assert.All(Read(Planted(bytes => bytes) with { HasChecksum = true }, 20), each => Assert.Equal(MutantOutcome.ChangedSilently, each.Outcome));
        Assert.All(Read(Planted(_ => Valid) with { HasChecksum = true }, 20), each => Assert.Equal(MutantOutcome.Read, each.Outcome));
    }

    [Fact]
    public void Time_and_memory_have_limits()
    {
        FileFormat slow = Planted(bytes =>
        {
            Thread.Sleep(bytes == Valid ? 0 : 60);
            return bytes;
        });
        Assert.All(Read(slow, 2, Limits with { Seconds = 0.05 }), each => Assert.Equal(MutantOutcome.TooSlow, each.Outcome));
        FileFormat large = Planted(bytes => bytes == Valid ? bytes : new byte[40 << 20]);
        Assert.All(Read(large, 2, Limits with { Mebibytes = 32 }), each => Assert.Equal(MutantOutcome.TooLarge, each.Outcome));
        Assert.All(Read(large, 2, Limits with { Mebibytes = 64 }), each => Assert.Equal(MutantOutcome.Read, each.Outcome));
    }

    [Fact]
    public void A_sample_that_does_not_read_tries_nothing() =>
        Assert.Contains("the valid sample does not read", Assert.Throws<InvalidOperationException>(() => Read(Planted(_ => throw new UsageException("no")), 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_unknown_format_is_refused_with_the_known_ones() =>
        Assert.Contains("weights, state", Assert.Throws<UsageException>(() => FileFormats.Get("gif")).Message, StringComparison.Ordinal);

    public void Dispose() => folder.Dispose();

    /// <summary>A format whose reader gets the file's bytes; those of the valid file are given as the same array.</summary>
    private static FileFormat Planted(Func<byte[], byte[]> read) => new("planted", Structure.Bytes, HasChecksum: false, (at, _) =>
    {
        string path = Path.Combine(at, "planted");
        File.WriteAllBytes(path, Valid);
        return new FileSample(path, () => read(File.ReadAllBytes(path) is var bytes && bytes.AsSpan().SequenceEqual(Valid) ? Valid : bytes));
    });

    private IReadOnlyList<MutantResult> Read(FileFormat format, int count, MutantLimits? limits = null)
    {
        string log = folder.File($"{Guid.NewGuid():N}.log"), work = Directory.CreateDirectory(folder.File($"{Guid.NewGuid():N}")).FullName;
        using (var open = new MutantLog(log))
            MutantReader.Run(format, work, 0, count, limits ?? Limits, open);
        (IReadOnlyList<MutantResult> done, long? unfinished) = MutantLog.Read(log);
        Assert.Null(unfinished);
        return done;
    }
}
