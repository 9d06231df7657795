using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>The part of a <see cref="FeatureFixture"/> that Inception has computed.</summary>
internal static class InceptionFixture
{
    private const string Prefix = "param.";
    private const int Corner = 3;

    /// <summary>Whether a file holds such results.</summary>
    public static bool Recognises(SafetensorsFile file) => file.Find(Prefix + InceptionNetwork.Mark) is not null;

    /// <summary>Computes and compares: resizings, every layer of the stem and every block, features, both conventions.</summary>
    public static IReadOnlyList<FixtureError> Run(SafetensorsFile file, ComputeDevice device, FeatureOptions options)
    {
        var results = new FeatureResults(file);
        foreach ((InceptionResizing resizing, string name) in ((InceptionResizing, string)[])[(InceptionResizing.Tf1, "tf1"), (InceptionResizing.HalfPixel, "half_pixel")])
        {
            AddSmall(file, results, device, resizing, name);
            using var network = new InceptionNetwork(new FeatureTensors(file, Prefix), device, options with { Resizing = resizing });
            Compare(file, results, device, network, name);
        }

        return results.Errors;
    }

    /// <summary>An image made smaller, without normalisation.</summary>
    private static void AddSmall(SafetensorsFile file, FeatureResults results, ComputeDevice device, InceptionResizing resizing, string name)
    {
        if (file.Find($"small.{name}") is not { } entry || entry.Shape.Length != 4 || entry.Shape.Any(extent => extent is < 1 or > 4096))
            return;
        (byte[] bytes, Shape images) = results.Images("small.image");
        Func<int, int, ResizeTaps> taps = resizing == InceptionResizing.Tf1 ? ResizeTaps.Tf1Bilinear : ResizeTaps.HalfPixelBilinear;
        using var trial = new FeatureTrial(device);
        Tensor one = trial.Upload(new Shape(3), [1, 1, 1]), zero = trial.Upload(new Shape(3), [0, 0, 0]);
        Tensor small = trial.Keep(ImageResize.Apply(
            trial.Program, trial.Upload(bytes), images, taps(images.H, (int)entry.Shape[2]), taps(images.W, (int)entry.Shape[3]), one, zero));
        trial.Program.Run();
        results.Add($"small.{name}", Planes(small, null, null));
    }

    private static void Compare(SafetensorsFile file, FeatureResults results, ComputeDevice device, InceptionNetwork network, string name)
    {
        (byte[] bytes, Shape images) = results.Images("images");
        using var trial = new FeatureTrial(device);
        Tensor input = trial.Keep(network.RecordInput(trial.Program, trial.Upload(bytes), images));
        InceptionTensors tensors = network.Layers.Record(trial.Program, input);
        (string Name, Tensor Value)[] blocks = [.. tensors.Blocks.Where(block => file.Find($"block.{block.Name}.mean") is not null).Select(block => (block.Name, trial.Keep(block.Value)))];
        Tensor pool = trial.Keep(tensors.Pool), logits = trial.Keep(tensors.Logits), spatial = trial.Keep(tensors.Spatial);
        trial.Program.Run();

        results.Add($"resize.{name}", Planes(input, results.Places("resize.rows", input.Shape.H), results.Places("resize.cols", input.Shape.W)));
        if (name == "tf1")
        {
            foreach ((string block, Tensor value) in blocks)
                AddBlock(results, block, value);
            results.Add("spatial.tf1", spatial.ToArray());
        }

        results.Add($"pool.{name}", pool.ToArray());
        float[] unbiased = logits.ToArray(), bias = file.ReadSingles($"{Prefix}fc.bias");
        results.Add($"logits_unbiased.{name}", unbiased);
        results.Add($"logits.{name}", [.. unbiased.Select((value, i) => value + bias[i % bias.Length])]);
    }

    /// <summary>Mean and deviation of each channel over an image, and the upper left corner of the first image.</summary>
    private static void AddBlock(FeatureResults results, string name, Tensor value)
    {
        (Shape shape, float[] values) = (value.Shape, value.ToArray());
        int pixels = shape.H * shape.W;
        double[] mean = new double[shape.N * shape.C], deviation = new double[mean.Length];
        for (int i = 0; i < values.Length; i++)
            mean[Row(i)] += (double)values[i] / pixels;
        for (int i = 0; i < values.Length; i++)
            deviation[Row(i)] += (values[i] - mean[Row(i)]) * (values[i] - mean[Row(i)]) / pixels;
        results.Add($"block.{name}.mean", mean);
        results.Add($"block.{name}.std", [.. deviation.Select(Math.Sqrt)]);
        int[] corner = [.. Enumerable.Range(0, Corner)];
        results.Add($"block.{name}.corner", Planes(value, corner, corner)[..(shape.C * Corner * Corner)]);

        int Row(int i) => i / (pixels * shape.C) * shape.C + i % shape.C;
    }

    /// <summary>Chosen lines and columns of (N, H, W, C) as (N, C, lines, columns); null for all.</summary>
    private static float[] Planes(Tensor images, int[]? lines, int[]? columns)
    {
        (Shape shape, float[] values) = (images.Shape, images.ToArray());
        lines ??= [.. Enumerable.Range(0, shape.H)];
        columns ??= [.. Enumerable.Range(0, shape.W)];
        return
        [
            .. from n in Enumerable.Range(0, shape.N)
               from c in Enumerable.Range(0, shape.C)
               from line in lines
               from column in columns
               select values[((n * shape.H + line) * shape.W + column) * shape.C + c],
        ];
    }
}
