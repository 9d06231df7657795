using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>What evaluate was asked for.</summary>
internal sealed record EvaluationRequest
{
    /// <summary>Weight file whose samples are judged; null for <see cref="Images"/>.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Images that are judged; null for <see cref="Checkpoint"/>.</summary>
    public string? Images { get; init; }

    /// <summary>Data set whose held-out images are the reference; null for <see cref="Reference"/>.</summary>
    public string? Data { get; init; }

    /// <summary>Moments or images that are the reference; null for <see cref="Data"/>.</summary>
    public string? Reference { get; init; }

    /// <summary>Steps of sampling; empty for the usual number.</summary>
    public int[] Steps { get; init; } = [];

    /// <summary>Seeds of sampling, or of the subset of images; empty for the usual one.</summary>
    public ulong[] Seeds { get; init; } = [];

    /// <summary>Number of images; null for the usual one.</summary>
    public int? Count { get; init; }

    /// <summary>Scale of guidance.</summary>
    public float Guidance { get; init; } = 1;

    /// <summary>Weight file of the guide; null for none.</summary>
    public string? Guide { get; init; }

    /// <summary>Metrics; empty for the usual ones.</summary>
    public string[] Metrics { get; init; } = [];

    /// <summary>Features; null for none.</summary>
    public string? Features { get; init; }

    /// <summary>File of the features' weights; null for none.</summary>
    public string? Weights { get; init; }

    /// <summary>Resizing of Inception's input; null for the usual one.</summary>
    public InceptionResizing? Resizing { get; init; }

    /// <summary>Folder of the report; null for none.</summary>
    public string? Output { get; init; }

    /// <summary>Preset of weights without a configuration.</summary>
    public string? Preset { get; init; }

    /// <summary>Precision of the model.</summary>
    public Precision Precision { get; init; }

    /// <summary>The metrics of images, and those of features.</summary>
    public (string[] OfImages, string[] OfFeatures) Split() =>
        Metrics.Length > 0 ? ([.. Metrics.Where(MetricRegistry.All.ContainsKey).Distinct()], [.. Metrics.Where(FeatureMetrics.All.ContainsKey).Distinct()])
        : Features is null ? ([.. MetricRegistry.All.Keys.Order(StringComparer.Ordinal)], [])
        : ([], [.. FeatureMetrics.Usual]);

    /// <summary>Checks what can be said without opening a file.</summary>
    /// <exception cref="UsageException">Options contradict each other.</exception>
    public void Check()
    {
        if (Checkpoint is null == Images is null)
            throw new UsageException("expected either --checkpoint, whose samples are judged, or --images");
        if (Data is null == Reference is null)
            throw new UsageException("expected either --reference, or --data, whose held-out images are the reference");
        if (Checkpoint is null && (Steps.Length > 0 || Guidance != 1 || Guide is not null || Preset is not null))
            throw new UsageException("--steps, --guidance, --guide and --preset belong to --checkpoint, not to --images");
        if (Checkpoint is null && Seeds.Length > 1)
            throw new UsageException("--seeds: images are there once; one seed chooses a subset");
        string[] features = Split().OfFeatures;
        if (features.Length > 0 && Features is null)
            throw new UsageException($"--metrics {features[0]}: takes --features, one of {string.Join(", ", FeatureNetworks.All.Keys)}");
        if (features.Length == 0 && Features is not null)
            throw new UsageException($"--features {Features}: no metric of --metrics takes features ({string.Join(", ", FeatureMetrics.All.Keys)})");
        if (Output is not null)
            OutputFolder.Require("--out", Output, 1 << 20, EvaluationReport.JsonName, EvaluationReport.CsvName);
    }
}

/// <summary>One evaluation: opens what is judged and the reference, takes the metrics of each set of images, and reports.</summary>
internal sealed class EvaluationRun : IDisposable
{
    private readonly EvaluationRequest request;
    private readonly ComputeDevice device;
    private readonly TrigFlowModel? model, guide;
    private readonly DatasetSplit? split;
    private readonly IImageSource? judged;
    private readonly List<EvaluationRow> rows = [];
    private IImageSource? referenceImages;
    private ReferenceMoments? stored;
    private int count;

    private EvaluationRun(EvaluationRequest request, ComputeDevice device)
    {
        (this.request, this.device) = (request, device);
        if (request.Checkpoint is not null)
        {
            model = ModelSampling.Load(request.Checkpoint, device, request.Precision, request.Preset);
            if (model.Latents is not null)
                throw new UsageException($"{request.Checkpoint} is a model of latents, but metrics compare pictures");
            guide = ModelSampling.LoadGuide(request.Guide, model, request.Guidance, request.Precision);
        }
        else
        {
            judged = ImageSources.Open(request.Images!);
        }

        (int height, int width, int channels) = Extents;
        if (request.Data is { } data)
        {
            split = height == width
                ? RunInputs.OpenFitted(data, new Shape(1, height, width, channels))
                : throw new UsageException($"--data {data} is fitted to square images, but {judged!.Words} has {height}x{width}");
            if (split.HeldOut.Latents is not null)
                throw new UsageException($"--data {data} holds latents, but metrics compare pictures");
            EvaluateCommand.RequireReference(data, split.HeldOut.Count);
        }
    }

    private (int Height, int Width, int Channels) Extents => model?.Network.Config.Image is { } image ? (image.H, image.W, image.C) : (judged!.Height, judged.Width, judged.Channels);

    /// <summary>Runs an evaluation.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(EvaluationRequest request, ComputeDevice device)
    {
        using var run = new EvaluationRun(request, device);
        EvaluationReport report = run.Report();
        report.Print(Console.Out);
        if (request.Output is { } folder)
            report.Save(folder);
        return 0;
    }

    public void Dispose()
    {
        guide?.Dispose();
        model?.Dispose();
    }

    private EvaluationReport Report()
    {
        (string[] ofImages, string[] ofFeatures) = request.Split();
        (int height, int width, int channels) = Extents;
        using IFeatureNetwork? network = request.Features is null ? null : FeatureNetworks.Open(request.Features, new FeatureRequest(device, request.Weights, request.Resizing, height, width, channels));
        OpenReference(network, ofImages);
        if (stored is { HoldsImages: false } && request.Metrics.Length == 0)
            ofFeatures = [.. ofFeatures.Where(name => FeatureMetrics.All[name].Reference != FeatureNeed.Rows)];
        Judge? judge = network is null ? null : new Judge(network, ofFeatures, device is GpuDevice { IsCuda: true } ? new DeviceNeighbours(device) : null);
        MemorySource? pictures = ofImages.Length > 0 ? MemorySource.Of(referenceImages!) : null;
        FeatureTable? known = judge is null ? null
            : (stored is null ? null : judge.Take(stored, request.Reference!)) ?? judge.LookAtReference(referenceImages!, new JudgingProgress("evaluate", "reference", referenceImages!.Count).Say);

        foreach ((IImageSource source, string of, int? steps, ulong? seed) in Sets())
        {
            IImageSource images = ofImages.Length > 0 ? MemorySource.Of(source) : source;
            foreach (string name in ofImages)
                rows.AddRange(EvaluateCommand.Measure(name, MetricRegistry.Find(name), pictures!.Images, ((MemorySource)images).Images)
                    .Select(value => EvaluationRow.Make(of, steps, seed, new JudgedValue($"{name} {value.Name}", value.Value, "", Better.Unknown))));
            if (judge is not null)
                rows.AddRange(judge.Measure(known!, judge.Look(images, new JudgingProgress("evaluate", source.Words, source.Count).Say), Say).Select(value => EvaluationRow.Make(of, steps, seed, value)));
        }

        long? references = known is { Count: 0 } ? null : known?.Count ?? pictures!.Count;
        string judgedWords = request.Checkpoint is { } path ? $"samples of {path}{(request.Guidance == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" with guidance {request.Guidance}"))}" : judged!.Words;
        return new EvaluationReport(judgedWords, count, known?.Words ?? pictures!.Words, references, judge?.Words, Remarks(judge, known), rows, EvaluationReport.Summarise(rows));
    }

    private static void Say(string metric, TimeSpan time)
    {
        if (time.TotalSeconds >= 1)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"evaluate: {metric} in {time.TotalSeconds:F1} s"));
    }

    /// <summary>Opens the reference, and settles the number of images.</summary>
    private void OpenReference(IFeatureNetwork? network, string[] ofImages)
    {
        if (split is not null)
        {
            count = Math.Min(request.Count ?? EvaluateCommand.HeldOutImages, split.HeldOut.Count);
            if (count < (request.Count ?? 0))
                Console.Error.WriteLine($"evaluate: {split.HeldOut.Count} images are held out, so {count} images are compared");
            referenceImages = new MemorySource(EvenSample.Of(split.HeldOut, count), $"{request.Data}, held out");
            return;
        }

        string path = request.Reference!;
        count = request.Count ?? EvaluationReport.UsualImages;
        stored = network is null ? null : ReferenceFile.ReadMoments(path, network.Name);
        if (stored is { HoldsImages: false })
        {
            if (ofImages.Length > 0)
                throw new UsageException($"--metrics {ofImages[0]}: compares images, but {path} holds only moments");
            return;
        }

        (int height, int width, int channels) = Extents;
        referenceImages = model is not null && !path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) ? Fitted(path, height, width, channels) : ImageSources.Open(path);
        if ((referenceImages.Height, referenceImages.Width) != (height, width))
            throw new UsageException($"--reference {path}: has images of {referenceImages.Height}x{referenceImages.Width}, but those to judge have {height}x{width}");
    }

    /// <summary>A data set as the model is trained on it: all images, fitted to the model.</summary>
    private static DatasetSource Fitted(string path, int height, int width, int channels)
    {
        DatasetSplit all = RunInputs.OpenFitted(path, new Shape(1, height, width, channels));
        if (all.Train.Latents is not null)
            throw new UsageException($"--reference {path} holds latents, but metrics compare pictures");
        IImageDataset whole = all.Description.Images > all.Train.Count ? new JoinedImages(all.Train, all.HeldOut) : all.Train;
        return new DatasetSource(whole, $"{path} ({all.Description.Format}{(all.Description.Fitting is { } fitting ? $", {fitting}" : "")})");
    }

    /// <summary>The sets of images that are judged, drawn one after another.</summary>
    private IEnumerable<(IImageSource Source, string Of, int? Steps, ulong? Seed)> Sets()
    {
        ulong[] seeds = request.Seeds.Length > 0 ? request.Seeds : [1];
        if (model is null)
        {
            yield return (ImageSources.Exactly(judged!, count, (uint)request.Seeds.FirstOrDefault(), "--count"), "images", null, null);
        }
        else
        {
            int[] steps = request.Steps.Length > 0 ? request.Steps : [KindSampler.DefaultSteps(model)];
            int[] classes = LabelWords.Resolve(model, count, null);
            foreach (int used in steps)
            {
                using ImageSampler sampler = ModelSampling.Create(model, used, request.Guidance, count, guide);
                foreach (ulong seed in seeds)
                {
                    yield return (new DrawnSource(
                        count, (sampler.Height, sampler.Width, sampler.Channels), $"{used} step{(used == 1 ? "" : "s")}, seed {seed}", () => ModelSampling.DrawParts(sampler, count, seed, classes)), "samples", used, seed);
                }
            }
        }

        if (split is not null)
            yield return (new MemorySource(EvenSample.Of(split.Train, count), $"{request.Data}, training images"), "real images", null, null);
    }

    private List<string> Remarks(Judge? judge, FeatureTable? known)
    {
        List<string> remarks = [];
        if (judge is null)
            return remarks;
        if (judge.Features == PixelFeatures.Word)
            remarks.Add("no other program reports distances between pixels");
        if (count != EvaluationReport.UsualImages)
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"they are of {EvaluationReport.UsualImages:N0} images, these of {count:N0}; of fewer, a Fréchet distance is larger"));
        if (split is not null)
            remarks.Add("their reference are all training images, this one's are held out of training");
        else if (stored is null && known!.Count < EvaluationReport.UsualImages)
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"the reference has only {known.Count:N0} images"));
        return remarks;
    }
}
