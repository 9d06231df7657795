using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>The transfer of a batch of images: to the device through page-locked memory, back to the host, or out of the loader.</summary>
internal sealed class FeedCase(int n, int size, int channels, string direction) : WorkCase("feed", direction, $"n{n} c{channels} {size}x{size}", DType.Float32)
{
    private const string Upload = "upload", Download = "download", Load = "loader";

    public static readonly CaseFamily Kind = new(
        "feed", "n IMAGES c CHANNELS SIZExSIZE, without the blanks: n256 c3 32x32", @"n(?<n>\d+) c(?<c>\d+) (?<size>\d+)x\k<size>", [Upload, Download, Load],
        (s, direction, _) => new FeedCase(s["n"], s["size"], s["c"], direction))
    {
        HasDirection = (s, direction) => direction != Load || s["c"] is 1 or 3, // there are no synthetic latents
        Shapes = scope => scope.Shapes(["n2 c3 16x16"], ["n64 c3 32x32"], _ =>
            SuitePresets.IsModel(scope.Preset) && ModelPresets.Get(scope.Preset).Image is var image ? [$"n{scope.Batch} c{image.C} {image.H}x{image.W}"] : []),
    };

    public override int Images => n;

    /// <summary>fp32 numbers cross the bus; the loader reads bytes.</summary>
    public override double Bytes => (Direction == Load ? 1.0 : sizeof(float)) * n * size * size * channels;

    internal override WorkPace Pace => WorkPace.Short;

    public override PreparedWork Prepare(ComputeDevice device) => Direction switch
    {
        Upload => new Uploading(device, new Shape(n, size, size, channels)),
        Download => new Downloading(device, new Shape(n, size, size, channels)),
        _ => new Loading(n, size, channels),
    };

    private sealed class Uploading(ComputeDevice device, Shape shape) : PreparedWork
    {
        private readonly Tensor target = device.CreateTensor(shape);
        private readonly float[] images = new float[shape.Count];
        private PinnedUpload? upload;

        public override void Run(int run)
        {
            images[^1] = run;
            (upload ??= new PinnedUpload(target)).Write<float>(images);
        }

        public override string? Fault() => target.ToArray()[^1] == images[^1] ? null : "the device holds other numbers";

        protected override void Dispose(bool disposing)
        {
            if (!disposing)
                return;
            upload?.Dispose();
            target.Dispose();
        }
    }

    private sealed class Downloading(ComputeDevice device, Shape shape) : PreparedWork
    {
        private readonly Tensor source = device.CreateTensor(shape, [.. Enumerable.Range(0, (int)shape.Count).Select(i => (float)i)]);
        private PinnedDownload? download;
        private float last;

        public override void Run(int run)
        {
            download ??= new PinnedDownload(source);
            download.Start();
            last = download.Wait()[^1];
        }

        public override string? Fault() => last == source.Count - 1 ? null : "the host holds other numbers";

        protected override void Dispose(bool disposing)
        {
            if (!disposing)
                return;
            download?.Dispose();
            source.Dispose();
        }
    }

    private sealed class Loading(int n, int size, int channels) : PreparedWork
    {
        private readonly BatchLoader loader = new(SyntheticShapes.MakeDataset(size, channels).Train, n, seed: 1, flip: true);

        public override void Run(int run) => loader.Next();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                loader.Dispose();
        }
    }
}
