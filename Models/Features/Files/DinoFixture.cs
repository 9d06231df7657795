using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>The part of a <see cref="FeatureFixture"/> that a small DINOv2 of two heads has computed, and its bicubic resizing.</summary>
internal static class DinoFixture
{
    private const string Prefix = "dino.param.";
    private const int Heads = 2;

    /// <summary>Whether a file holds such results.</summary>
    public static bool Recognises(SafetensorsFile file) => file.Find(Prefix + DinoNetwork.Mark) is not null;

    /// <summary>Computes and compares: resized images, positions, tokens before and after the first block, features.</summary>
    public static IReadOnlyList<FixtureError> Run(SafetensorsFile file, ComputeDevice device, FeatureOptions options)
    {
        var results = new FeatureResults(file);
        foreach (string name in (string[])["bicubic.up", "bicubic.down"])
            AddResized(file, results, device, name);
        var tensors = new FeatureTensors(file, Prefix);
        using var network = new DinoNetwork(tensors, device, options, Heads);
        double[] positions = DinoNetwork.Positions(tensors, DinoConfig.Read(tensors, Heads));
        float[] token = tensors.Read("cls_token");
        results.Add("dino.pos_embed.16", [.. positions.Select((value, i) => i < token.Length ? value - token[i] : value)]);

        (byte[] bytes, Shape images) = results.Images("dino.images");
        int[] places = results.Places("dino.tokens", 1 + DinoNetwork.Side * DinoNetwork.Side);
        using var trial = new FeatureTrial(device);
        (IReadOnlyList<Tensor> tokens, Tensor features) = network.RecordTokens(trial.Program, network.RecordInput(trial.Program, trial.Upload(bytes), images));
        Tensor embedded = trial.Keep(tokens[0]), block = trial.Keep(tokens[1]), last = trial.Keep(features);
        trial.Program.Run();
        results.Add("dino.embedded", Rows(embedded, places));
        results.Add("dino.block0", Rows(block, places));
        results.Add("dino.features", last.ToArray());
        return results.Errors;
    }

    private static void AddResized(SafetensorsFile file, FeatureResults results, ComputeDevice device, string name)
    {
        if (file.Find(name) is not { } entry || entry.Shape.Length != 4 || entry.Shape.Any(extent => extent is < 1 or > 4096))
            return;
        (byte[] bytes, Shape images) = results.Images($"{name}.image");
        using var trial = new FeatureTrial(device);
        Tensor one = trial.Upload(new Shape(3), [1, 1, 1]), zero = trial.Upload(new Shape(3), [0, 0, 0]);
        Tensor resized = trial.Keep(ImageResize.Apply(
            trial.Program, trial.Upload(bytes), images, ResizeTaps.AntialiasedBicubic(images.H, (int)entry.Shape[2]), ResizeTaps.AntialiasedBicubic(images.W, (int)entry.Shape[3]), one, zero));
        trial.Program.Run();
        (Shape shape, float[] values) = (resized.Shape, resized.ToArray());
        int pixels = shape.H * shape.W;
        results.Add(name, [.. from n in Enumerable.Range(0, shape.N) from c in Enumerable.Range(0, shape.C) from p in Enumerable.Range(0, pixels) select values[(n * pixels + p) * shape.C + c]]);
    }

    /// <summary>The tokens at some places of every image.</summary>
    private static float[] Rows(Tensor tokens, int[] places)
    {
        (Shape shape, float[] values) = (tokens.Shape, tokens.ToArray());
        return [.. from n in Enumerable.Range(0, shape.N) from place in places from c in Enumerable.Range(0, shape.C) select values[(n * shape.W + place) * shape.C + c]];
    }
}
