using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>The networks of features by name, a line each: <c>--features</c> offers them.</summary>
internal static class FeatureNetworks
{
    private const string Inception = "inception-2015";

    /// <summary>How a network is opened.</summary>
    /// <param name="Words">For --help: what it is, and which weights it needs.</param>
    /// <param name="NeedsWeights">Whether a file of weights must be given.</param>
    /// <param name="Open">Opens it.</param>
    internal sealed record Entry(string Words, bool NeedsWeights, Func<FeatureRequest, IFeatureNetwork> Open);

    /// <summary>All networks by name.</summary>
    public static IReadOnlyDictionary<string, Entry> All { get; } = new SortedDictionary<string, Entry>(StringComparer.Ordinal)
    {
        ["dinov2-vitl14"] = FromFile("dinov2-vitl14", "DINOv2's ViT-L/14, from dinov2_vitl14_pretrain.pth"),
        [Inception] = FromFile(Inception, "the network of FID, from pytorch-fid's pt_inception-2015-12-05-6726825d.pth or NVIDIA's inception-2015-12-05.pkl"),
        ["resnet18-cntk"] = FromFile("resnet18-cntk", "ResNet-18 of the package Microsoft.ML.DnnImageFeaturizer.ResNet18, from its ResNet18.onnx"),
        [PixelFeatures.Word] = new("the pixels of images of one size, at most 4096 values, for which no weights are needed", false, OpenPixels),
    };

    /// <summary>The resizings of Inception's input by their words.</summary>
    public static IReadOnlyDictionary<string, InceptionResizing> Resizings { get; } = new SortedDictionary<string, InceptionResizing>(StringComparer.Ordinal)
    {
        ["half-pixel"] = InceptionResizing.HalfPixel,
        ["tf1"] = InceptionResizing.Tf1,
    };

    /// <summary>Opens a network.</summary>
    /// <exception cref="UsageException">Weights are missing, or given where there are none, or the images do not suit the network.</exception>
    /// <exception cref="InvalidFileException">The weights are unusable.</exception>
    public static IFeatureNetwork Open(string name, FeatureRequest request)
    {
        Entry entry = All[name];
        if (entry.NeedsWeights && request.Weights is null)
            throw new UsageException($"--features {name} needs --weights FILE: {entry.Words}");
        if (!entry.NeedsWeights && request.Weights is not null)
            throw new UsageException($"--weights {request.Weights}: the features '{name}' have none");
        if (request.Resizing is not null && name != Inception)
            throw new UsageException($"--resizing is for --features {Inception}: those of '{name}' have one resizing, or none");
        return entry.Open(request);
    }

    /// <summary>A network whose weights `trigflow import` has made of their authors' file. Random weights, for measurements, say so in the name of the features.</summary>
    private static Entry FromFile(string name, string words) => new($"{words} by `trigflow import`", true, request =>
    {
        IFeatureNetwork network = FeatureNetworkFile.Load(request.Weights!, request.Device, new FeatureOptions { Resizing = request.Resizing ?? InceptionResizing.Tf1 });
        if (network.Name.StartsWith(name, StringComparison.Ordinal))
            return network;
        network.Dispose();
        throw new UsageException($"--weights {request.Weights}: holds {network.Name}, not {name}");
    });

    private static PixelFeatures OpenPixels(FeatureRequest request)
    {
        int size = request.Height * request.Width * request.Channels;
        return size <= PixelFeatures.MaxWidth
            ? new PixelFeatures(request.Height, request.Width, request.Channels)
            : throw new UsageException($"--features {PixelFeatures.Word}: images of {request.Height}x{request.Width}x{request.Channels} have {size} values, at most {PixelFeatures.MaxWidth} are taken");
    }
}

/// <summary>What a network of features is opened for.</summary>
/// <param name="Device">Device that runs it.</param>
/// <param name="Weights">File of its weights; null if none was given.</param>
/// <param name="Resizing">Resizing of Inception's input; null for TensorFlow 1's, and for other networks.</param>
/// <param name="Height">Height of the images in pixels.</param>
/// <param name="Width">Width of the images in pixels.</param>
/// <param name="Channels">Channels of the images.</param>
internal readonly record struct FeatureRequest(ComputeDevice Device, string? Weights, InceptionResizing? Resizing, int Height, int Width, int Channels);
