using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Benchmarks.Features;

/// <summary>
/// FID's Inception with random weights, from bytes in host memory to features in host memory, by each way of computing its products. Directions are those ways; on the
/// host all are fp32. It is measured by name only: a run takes seconds.
/// </summary>
internal sealed class FeatureCase(int images, int size, DType type, string products) : WorkCase("features", products, $"inception n{images} {size}x{size}", type)
{
    /// <summary>Operations for an image: 5.711 G multiply-adds in convolutions, counted from the layers.</summary>
    private const double FlopsOfAnImage = 2 * 5.711e9;

    public static readonly CaseFamily Kind = new(
        "features", "inception n IMAGES SIZExSIZE, without the blank: inception n1024 32x32", @"inception n(?<n>\d+) (?<size>\d+)x\k<size>", [.. FeatureOptions.Arithmetics.Keys],
        (s, direction, type) => new FeatureCase(s["n"], s["size"], type, direction));

    public override int Images => images;

    public override double Flops => images * FlopsOfAnImage;

    internal override WorkPace Pace => WorkPace.Slow;

    public override PreparedWork Prepare(ComputeDevice device)
    {
        string path = Path.Combine(Path.GetTempPath(), $"trigflow-inception-{Environment.ProcessId}.safetensors");
        try
        {
            RandomInception.Save(path);
            return new Prepared(FeatureNetworkFile.Load(path, device, new FeatureOptions { Arithmetic = FeatureOptions.Arithmetics[Direction] }), images, size);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private sealed class Prepared : PreparedWork
    {
        private const int Channels = 3;
        private readonly IFeatureNetwork network;
        private readonly FeatureBatch features;
        private readonly byte[] bytes;
        private readonly int size;

        public Prepared(IFeatureNetwork network, int images, int size)
        {
            (this.network, this.size) = (network, size);
            features = new FeatureBatch(images, network.Outputs[0]);
            bytes = new byte[checked(images * size * size * Channels)];
            new Random(1).NextBytes(bytes);
        }

        public override void Run(int run) => network.Compute(bytes, features.Count, size, size, Channels, features);

        public override string? Fault()
        {
            float[] pool = features[network.Outputs[0].Name];
            return pool.All(value => value >= 0 && float.IsFinite(value)) && pool.Any(value => value > 0) ? null : "features are not finite, negative or all zero";
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                network.Dispose();
        }
    }
}
