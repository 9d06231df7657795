using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

public sealed class PrecisionTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Auto_is_bf16_on_a_GPU_and_fp32_elsewhere(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        Assert.Equal(deviceName == "cuda" ? Precision.Bf16 : Precision.Fp32, Precision.Auto.On(device));
        Assert.Equal(DType.Float32, Precision.Fp32.ActivationsOn(device));
        if (deviceName == "cpu")
            Assert.Contains("bf16 needs a GPU", Assert.Throws<ArgumentException>(() => Precision.Bf16.ActivationsOn(device)).Message, StringComparison.Ordinal);
        else
            Assert.Equal(DType.BFloat16, Precision.Bf16.ActivationsOn(device));
    }

    [Theory]
    [MemberData(nameof(Gpus))]
    public void A_model_loaded_for_bf16_holds_its_weights_twice(string deviceName, Precision precision)
    {
        string path = Path.Combine(folder.Path, "model.safetensors");
        using (TrigFlowModel model = SamplerNetwork.Model(TestDevices.Get("cpu")))
            model.Save(path);
        using TrigFlowModel loaded = TrigFlowModel.Load(path, TestDevices.Get(deviceName), precision);
        Assert.Equal(precision == Precision.Bf16 ? DType.BFloat16 : DType.Float32, loaded.ActivationType);
        Assert.Equal(precision == Precision.Bf16, loaded.Weights.ComputeValues is not null);
        if (loaded.Weights.ComputeValues is not { } rounded)
            return;
        BFloat16[] copy = new BFloat16[rounded.Count];
        rounded.Download(copy.AsSpan());
        Assert.Equal(loaded.Weights.Values.ToArray().Select(BFloat16.FromSingle), copy);
        Assert.Contains(copy, element => element.Bits != 0);
    }

    public static IEnumerable<TheoryDataRow<string, Precision>> Gpus =>
        TestDevices.Cross(["simulator", "cuda"], new[] { Precision.Fp32, Precision.Bf16 });

    public void Dispose() => folder.Dispose();
}
