using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>Sound files of every kind with some bytes changed, taken out or put in at random: each is read or refused with a reason, at once and within little memory.</summary>
public class ChangedBytesTests
{
    private const int Changes = 1000;
    private const long Modest = 4L << 20;

    private static readonly Dictionary<string, Func<byte[]>> Sound = new(StringComparer.Ordinal)
    {
        ["zip"] = () => TestTorch.Zip(P.Pickle(Dict(key => TestTorch.Storage("FloatStorage", key, 4))), ("0", new byte[16]), ("1", new byte[16])),
        ["legacy"] = () => TestTorch.Legacy(Dict(key => TestTorch.Storage("FloatStorage", key, 4, P.None)), ("0", 4, new byte[16]), ("1", 4, new byte[16])),
        ["module"] = () => P.Pickle(
            P.Dict(("ema", TestTorch.Tree("Precond", [("unet.out_gain", TestTorch.Embedded("HalfStorage", [0, 60], 1)), ("unet.enc.8x8_conv.weight", TestTorch.Embedded("HalfStorage", new byte[8], 4, 2, 2))], P.Tuple(P.Int(8), P.Int(3))))),
            protocol: 4),
        ["onnx"] = () =>
        [
            8, 7, 18, 2, (byte)'m', (byte)'e', 58, 38, 42, 17, 8, 2, 16, 1, 66, 1, (byte)'w', 74, 8, 0, 0, 128, 63, 0, 0, 0, 64, 42, 17, 8, 2, 16, 1, 66, 1, (byte)'v', 74, 8, 0, 0, 128, 63, 0, 0, 0, 64,
        ],
    };

    public static TheoryData<string> Kinds => [.. Sound.Keys];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_file_of_changed_bytes_is_read_or_refused(string kind)
    {
        using TemporaryFolder folder = new();
        byte[] sound = Sound[kind]();
        Read(folder.Write("sound", sound));
        var random = new Random(17);
        int refused = 0;
        for (int i = 0; i < Changes; i++)
        {
            byte[] changed = Changed(sound, random);
            string path = folder.Write("changed", changed);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Read(path);
            }
            catch (InvalidFileException e)
            {
                Assert.StartsWith(path, e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain(e.Message, char.IsControl);
                refused++;
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Modest + 64 * sound.Length);
        }

        Assert.InRange(refused, Changes / 10, Changes); // or nothing was changed
    }

    private static void Read(string path)
    {
        using ImportedFile file = ImportFile.Open(path);
        Assert.NotEmpty(file.Tensors);
    }

    private static byte[] Changed(byte[] sound, Random random)
    {
        List<byte> bytes = [.. sound];
        for (int change = random.Next(1, 4); change > 0; change--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0: bytes.RemoveAt(at); break;
                case 1: bytes.Insert(at, (byte)random.Next(256)); break;
                case 2: bytes[at] = (byte)(random.Next(2) == 0 ? 0xff : 0); break;
                case 3: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                default: bytes[at] = bytes[random.Next(bytes.Count)]; break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Dict(Func<string, byte[]> storage) => P.OrderedDict(
        ("w", TestTorch.Tensor(storage("0"), 0, [2, 2], [2, 1])), ("t", TestTorch.Tensor(storage("0"), 0, [2, 2], [1, 2])), ("v", TestTorch.Parameter(TestTorch.Tensor(storage("1"), 1, [3], [1]))));
}
