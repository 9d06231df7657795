using System.Formats.Tar;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Data;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Data sets that were damaged on their way.</summary>
public sealed class DamagedDataTests : IDisposable
{
    private readonly TemporaryFolder temp = new();

    /// <summary>Damage of any kind is refused or harmless: bytes changed, cut out or doubled, at places drawn at random.</summary>
    [Theory]
    [InlineData("tar")]
    [InlineData("tar.gz")]
    [InlineData("qmnist")]
    [InlineData("zip")]
    public void Random_damage_leads_to_a_refusal_or_to_nothing(string kind)
    {
        Random random = new(11);
        byte[] image = TestPng.Encode(new byte[192], 8, 8, 3);
        byte[] tar = TestTar.Encode(TarEntryFormat.Gnu, ("a/data_batch_1.bin", CifarReaderTests.Record(1, 1)), ("a/test_batch.bin", [1, 2, 3]));
        (string name, byte[] whole) = kind switch
        {
            "tar" => ("cifar.tar", tar),
            "tar.gz" => ("cifar.tar.gz", TestIdx.Gzip(tar)),
            "qmnist" => ("q-labels-idx2-int", TestIdx.Encode(0xc02, [3, 8], new byte[96])),
            _ => ("set.zip", TestZip.Encode([new("a/1.png", image), new("b\\2.png", image) { Compress = true }, new("c/", []), new("", image) { RawName = [0x81, .. "/1.png"u8] }])),
        };
        string path = temp.Write(kind == "qmnist" ? "q-images-idx3-ubyte" : name, kind == "qmnist" ? TestIdx.Images(3, 4, 4) : whole);
        int refused = 0;
        for (int i = 0; i < 500; i++)
        {
            List<byte> damaged = [.. whole];
            for (int times = random.Next(1, 4); times > 0; times--)
            {
                // Headers lie in the first bytes, and a zip's directory in the last.
                int place = random.Next(3) switch { 0 => random.Next(Math.Min(600, damaged.Count)), 1 => damaged.Count - 1 - random.Next(Math.Min(300, damaged.Count)), _ => random.Next(damaged.Count) };
                int length = Math.Min(random.Next(1, 600), damaged.Count - place);
                switch (random.Next(4))
                {
                    case 0:
                        damaged.RemoveRange(place, Math.Min(length, damaged.Count - 1));
                        break;
                    case 1:
                        damaged.InsertRange(place, damaged.GetRange(place, length));
                        break;
                    default:
                        damaged[place] = (byte)random.Next(256);
                        break;
                }
            }

            temp.Write(name, [.. damaged]);
            try
            {
                ImageDataset.Open(path, 8, 3);
            }
            catch (InvalidFileException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 50, 499);
    }

    public void Dispose() => temp.Dispose();
}
