using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Tests.Training;

/// <summary>A U-Net of the smallest useful size, with classes, attention and dropout.</summary>
internal static class SmallUNet
{
    public static DdpmppConfig Config { get; } = new()
    {
        Resolution = 8,
        ImageChannels = 2,
        LabelCount = 3,
        ModelChannels = 8,
        ChannelMult = [1, 2],
        BlocksPerLevel = 1,
        AttentionResolutions = [4],
    };

    /// <summary>Weights under which no layer is nearly zero, as some are at first, followed by those of the adaptive weighting.</summary>
    public static ParameterSlab Weights(INetwork unet, ComputeDevice device)
    {
        ParameterSlab slab = unet.CreateSlab(device, withGradients: true, further: AdaptiveWeight.Layout);
        Initialise(unet, slab, seed: 1);
        return slab;
    }

    public static void Initialise(INetwork unet, ParameterSlab slab, ulong seed)
    {
        unet.Initialise(slab, seed);
        foreach (Parameter parameter in slab.Parameters.Where(p => p.Name.EndsWith(".weight", StringComparison.Ordinal)))
        {
            float[] values = parameter.Value.ToArray();
            if (values.Any(v => v != 0) && values.Max(MathF.Abs) < 1e-3f)
                parameter.Value.Upload<float>([.. values.Select(v => 1e5f * v)]);
        }
    }

    public static float[] Evaluate(INetwork unet, ParameterSlab weights, float[] x, float[] t, int[] labels)
    {
        ComputeDevice device = weights.Device;
        var shape = new Shape(t.Length, Config.Resolution, Config.Resolution, Config.ImageChannels);
        Tensor classes = device.CreateTensor(new Shape(t.Length), DType.Int32), kept = device.CreateTensor(shape);
        classes.Upload<int>(labels);
        using var program = new ComputeProgram(device);
        Tensor f = unet.F(program, weights, device.CreateTensor(shape, x), new(device.CreateTensor(new Shape(t.Length), t), classes));
        Copy.Into(program, f, kept);
        program.Run();
        return kept.ToArray();
    }
}
