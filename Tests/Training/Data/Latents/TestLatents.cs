using System.Runtime.InteropServices;
using System.Text;
using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Tests.Training;

/// <summary>Makes data sets of latents as EDM2's tool writes them: 00000/img-mean-std-00000000.npy and dataset.json.</summary>
internal static class TestLatents
{
    public const int Count = 20, Channels = 4, Side = 8;

    /// <summary>Name of an image's file.</summary>
    public static string Name(int image) => $"00000/img-mean-std-{image:D8}.npy";

    /// <summary>Means and then deviations of an image, (2 C, H, W): numbers that fp16 holds too.</summary>
    public static float[] Values(int image, int channels = Channels, int side = Side, int seed = 1)
    {
        Random random = new(seed * 1000 + image);
        float[] values = new float[2 * channels * side * side];
        for (int i = 0; i < values.Length; i++)
            values[i] = i < values.Length / 2 ? random.Next(-1024, 1024) / 64f : random.Next(0, 64) / 128f;
        return values;
    }

    /// <summary>An array of fp32, or of fp16.</summary>
    public static byte[] Array(ReadOnlySpan<float> values, int[] shape, bool half = false) => half
        ? [.. NpyHeader.Format(shape, NpyHeader.Float16), .. MemoryMarshal.AsBytes<Half>(values.ToArray().Select(value => (Half)value).ToArray())]
        : [.. NpyHeader.Format(shape, NpyHeader.Float32), .. MemoryMarshal.AsBytes(values)];

    /// <summary>The files of a data set, dataset.json first.</summary>
    public static List<TestZipEntry> Entries(int labelCount = 3, bool half = false, int seed = 1, int channels = Channels, int side = Side)
    {
        string labels = string.Join(", ", Enumerable.Range(0, Count).Select(image => $"[\"{Name(image)}\", {image % Math.Max(labelCount, 1)}]"));
        return
        [
            new("dataset.json", Encoding.UTF8.GetBytes($"{{\"labels\": {(labelCount > 0 ? $"[{labels}]" : "null")}}}")),
            .. Enumerable.Range(0, Count).Select(image => new TestZipEntry(Name(image), Array(Values(image, channels, side, seed), [2 * channels, side, side], half))),
        ];
    }

    public static string Zip(TemporaryFolder temp, string name, IReadOnlyList<TestZipEntry> entries) => temp.Write(name, TestZip.Encode(entries));

    public static string Folder(TemporaryFolder temp, string name, IReadOnlyList<TestZipEntry> entries)
    {
        foreach (TestZipEntry entry in entries)
        {
            string path = temp.File($"{name}/{entry.Name}");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, entry.Content);
        }

        return temp.File(name);
    }
}
