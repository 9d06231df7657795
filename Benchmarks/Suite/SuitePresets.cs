using TrigFlowNative.Benchmarks.Steps;
using TrigFlowNative.Models;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>The presets of <c>--preset</c>: those of the models, and sets of shapes that no model of this project has.</summary>
public static class SuitePresets
{
    /// <summary>Shapes that belong to no model: square matrices, attention as published elsewhere, a large copy, launches.</summary>
    public const string Standard = "standard";

    /// <summary>Layers of EDM2-S at 64x64 (arXiv:2312.02696): 192 channels times 1, 2, 3 and 4, 64 images.</summary>
    public const string Edm2S = "edm2-s";

    /// <summary>Shapes of no layer, with extents that are rarely multiples of more than 8: they show whether a kernel is fast only at the usual shapes.</summary>
    public const string Odd = "odd";

    private static readonly Dictionary<string, PresetShapes> Fixed = new(StringComparer.Ordinal)
    {
        [Standard] = new PresetShapes
        {
            Matrices = ["1024x1024x1024", "2048x2048x2048", "4096x4096x4096", "8192x8192x8192", "512x512x128"],
            Attentions = ["b16 h16 l4096 d64", "b16 h16 l1024 d64", "b256 h12 l256 d64", "b256 h1 l256 d256", "b256 h1 l64 d256"],
        },
        [Edm2S] = new PresetShapes
        {
            Convolutions =
            [
                "n64 192->192 64x64 k3", "n64 384->384 32x32 k3", "n64 576->576 16x16 k3", "n64 768->768 8x8 k3", "n64 576->192 64x64 k3", "n64 960->384 32x32 k1",
            ],
            Attentions = ["b64 h9 l256 d64", "b64 h12 l64 d64"],
            Norms = ["n64 c192 64x64", "n64 c384 32x32", "n64 c576 16x16", "n64 c768 8x8"],
            // All 293.9 million weights, by the length of their rows: inputs of matrices and of 1x1 convolutions, nine times as many of 3x3 convolutions.
            Weights =
            [
                "192x36+1x128+1152x192+1152x384+17472x576+61056x768+960x960+768x1000+1152x1152+1344x1344+2304x1536+2307x1728+5952x3456+8640x5184"
                + "+13056x6912+960x8640+1152x10368+1344x12096+2304x13824",
            ],
        },
        [Odd] = new PresetShapes
        {
            Matrices = ["3000x3000x3000", "1000x1000x1000", "60000x776x264", "8000x7992x8008"],
            Convolutions =
            [
                "n100 288->288 24x24 k3", "n250 264->248 30x30 k3", "n250 256->256 15x15 k3", "n250 272->256 9x9 k3", "n60 200->200 60x60 k3",
                "n250 520->264 31x31 k1",
            ],
        },
    };

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names => [.. Fixed.Keys, .. ModelPresets.All.Keys];

    /// <summary>Whether a preset is that of a model, which can be trained and sampled.</summary>
    public static bool IsModel(string preset) => ModelPresets.All.ContainsKey(preset);

    /// <summary>The shapes of a preset's layers.</summary>
    /// <param name="preset">One of <see cref="Names"/>.</param>
    /// <param name="batch">Images of a batch.</param>
    /// <exception cref="UsageException">There is no such preset; the message lists them.</exception>
    internal static PresetShapes Get(string preset, int batch)
    {
        if (Fixed.TryGetValue(preset, out PresetShapes? shapes))
            return shapes;
        return IsModel(preset) ? PresetShapes.Of(RecordedPass.OfPreset(preset), batch) : throw new UsageException($"unknown preset '{preset}': {string.Join(", ", Names)}");
    }
}
