using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.RegularExpressions;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// What load_weights.py, beside this file, relies on when it loads our weights in PyTorch: the layout byte by byte, the types that it knows, the metadata that it reads.
/// </summary>
public sealed partial class ExportTests : IDisposable
{
    private static readonly string Script = File.ReadAllText(Path.Combine(ArchitectureTests.Root, "Tests", "Models", "Files", "load_weights.py"));

    private readonly TemporaryFolder temp = new();

    [Theory]
    [InlineData(SafetensorsType.F32)]
    [InlineData(SafetensorsType.F16)]
    [InlineData(SafetensorsType.BF16)]
    public void A_weight_file_is_what_the_script_takes_it_for(SafetensorsType type)
    {
        using TrigFlowModel model = SamplerNetwork.Model(TestDevices.Get("cpu"), labelCount: 3);
        string path = temp.File("model.safetensors");
        WeightFile.Save(path, model.Network, model.Weights, new WeightDescription(0.5f, ModelKind.Consistency), type);

        // The script's steps, one by one.
        byte[] file = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using JsonDocument header = JsonDocument.Parse(file.AsMemory(8, length));
        byte[] data = file[(8 + length)..];
        JsonElement about = header.RootElement.GetProperty("__metadata__");
        JsonProperty[] tensors = [.. header.RootElement.EnumerateObject().Where(each => each.Name != "__metadata__")];
        Assert.Equal(model.Network.Parameters.Select(each => each.Name).Order(StringComparer.Ordinal), tensors.Select(each => each.Name).Order(StringComparer.Ordinal));
        foreach (JsonProperty tensor in tensors)
        {
            ParameterSpec parameter = model.Network.Parameters.Single(each => each.Name == tensor.Name);
            long[] shape = [.. tensor.Value.GetProperty("shape").EnumerateArray().Select(each => each.GetInt64())], offsets = [.. tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(each => each.GetInt64())];
            string word = tensor.Value.GetProperty("dtype").GetString()!;
            Assert.Contains($"\"{word}\": torch.", Script, StringComparison.Ordinal);
            Assert.Equal(parameter.FileShape, shape);
            Assert.Equal(0, offsets[0] % type.SizeInBytes()); // torch.frombuffer takes no other
            Assert.Equal(shape.Aggregate(1L, (product, extent) => product * extent) * type.SizeInBytes(), offsets[1] - offsets[0]);
            Assert.Equal(parameter.ToFileOrder(model.Weights[tensor.Name].Value.ToArray()).Select(value => Rounded(type, value)), Numbers(type, data.AsSpan((int)offsets[0], (int)(offsets[1] - offsets[0]))));
        }

        foreach (Match key in Keys().Matches(Script))
            Assert.NotEmpty(about.GetProperty(key.Groups[1].Value).GetString()!);
        Assert.Equal(3, Keys().Count(Script));
        using JsonDocument config = JsonDocument.Parse(about.GetProperty("config").GetString()!);
        Assert.Equal("ddpmpp", config.RootElement.GetProperty("architecture").GetString());
        Assert.Equal("0.5", about.GetProperty("sigma_data").GetString());
        Assert.Equal("consistency", about.GetProperty("kind").GetString());
    }

    /// <summary>The readme promises ten lines.</summary>
    [Fact]
    public void The_script_has_ten_lines() => Assert.InRange(Script.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => !line.StartsWith('"')), 8, 10);

    public void Dispose() => temp.Dispose();

    private static float Rounded(SafetensorsType type, float value) => type switch
    {
        SafetensorsType.F16 => (float)(Half)value,
        SafetensorsType.BF16 => BFloat16.ToSingle(BFloat16.FromSingle(value)),
        _ => value,
    };

    private static float[] Numbers(SafetensorsType type, ReadOnlySpan<byte> bytes) => type switch
    {
        SafetensorsType.F16 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(bytes).ToArray(), each => (float)each),
        SafetensorsType.BF16 => Array.ConvertAll(MemoryMarshal.Cast<byte, ushort>(bytes).ToArray(), each => BitConverter.UInt32BitsToSingle((uint)each << 16)),
        _ => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
    };

    [GeneratedRegex("about\\[\"(\\w+)\"\\]")]
    private static partial Regex Keys();
}
