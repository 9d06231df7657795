using TrigFlowNative.Engine.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>Files of compiled kernels are taken whole or not at all.</summary>
public sealed class CubinCacheTests : IDisposable
{
    private static readonly byte[] Binary = [.. Enumerable.Range(0, 100).Select(i => (byte)i)];
    private readonly TemporaryFolder folder = new();

    [Fact]
    public void A_binary_comes_back()
    {
        CubinCache.TryWrite(Place, Binary);
        Assert.Equal(Binary, CubinCache.TryRead(Place));
    }

    [Theory]
    [InlineData(0)] // of the hash
    [InlineData(32)] // of the binary
    [InlineData(131)]
    public void A_changed_byte_is_noticed(int at)
    {
        CubinCache.TryWrite(Place, Binary);
        byte[] file = File.ReadAllBytes(Place);
        file[at] ^= 1;
        File.WriteAllBytes(Place, file);
        Assert.Null(CubinCache.TryRead(Place));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(32)]
    [InlineData(131)]
    public void A_file_that_ends_early_is_noticed(int length)
    {
        CubinCache.TryWrite(Place, Binary);
        File.WriteAllBytes(Place, File.ReadAllBytes(Place)[..length]);
        Assert.Null(CubinCache.TryRead(Place));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_costs_no_run()
    {
        File.WriteAllText(Place, "");
        string within = Path.Combine(Place, "kernel.cubin"); // a file stands where the folder would be
        CubinCache.TryWrite(within, Binary);
        Assert.Null(CubinCache.TryRead(within));
    }

    public void Dispose() => folder.Dispose();

    private string Place => Path.Combine(folder.Path, "kernel.cubin");
}
