using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;
using TrigFlowNative.Training.Evaluation;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>One evaluation: opens what is judged and the reference, takes the metrics of each set of images, and reports.</summary>
internal sealed class EvaluationRun : IDisposable
{
    private readonly EvaluationRequest request;
    private readonly ComputeDevice device;
    private readonly TrigFlowModel? model, guide;
    private readonly DatasetSplit? split;
    private readonly List<EvaluationRow> rows = [];
    private IImageSource? judged, referenceImages;
    private ReferenceMoments? stored;
    private int count;

    private EvaluationRun(EvaluationRequest request, ComputeDevice device)
    {
        (this.request, this.device) = (request, device);
        try
        {
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

            split = request.Data is { } data ? HeldOut(data) : null;
        }
        catch
        {
            Dispose(); // nobody else can: the caller gets no object
            throw;
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

    private DatasetSplit HeldOut(string data)
    {
        (int height, int width, int channels) = Extents;
        DatasetSplit found = height == width
            ? RunInputs.OpenFitted(data, new Shape(1, height, width, channels))
            : throw new UsageException($"--data {data} is fitted to square images, but {judged!.Words} has {height}x{width}");
        if (found.HeldOut.Latents is not null)
            throw new UsageException($"--data {data} holds latents, but metrics compare pictures");
        EvaluateCommand.RequireReference(data, found.HeldOut.Count);
        return found;
    }

    private EvaluationReport Report()
    {
        (string[] ofImages, string[] ofFeatures) = request.Split();
        (int height, int width, int channels) = Extents;
        using IFeatureNetwork? network = request.Features is null ? null : FeatureNetworks.Open(request.Features, new FeatureRequest(device, request.Weights, request.Resizing, height, width, channels));
        OpenReference(network, ofImages, ofFeatures);
        if (stored is { HoldsImages: false } && request.Metrics.Length == 0)
            ofFeatures = [.. ofFeatures.Where(name => FeatureMetrics.All[name].Reference != FeatureNeed.Rows)];
        Judge? judge = network is null ? null : new Judge(network, ofFeatures, device is GpuDevice { IsCuda: true } ? new DeviceNeighbours(device) : null);
        bool chosen = judged is not null && judged.Count != count;
        if (judged is not null)
            judged = ImageSources.Exactly(judged, count, (uint)request.Seeds.FirstOrDefault(), "--count");
        judge?.RequireCounts(count, referenceImages?.Count, stored is not null);
        MemorySource? pictures = ofImages.Length > 0 ? MemorySource.Of(referenceImages!) : null;
        FeatureTable? known = judge is null ? null
            : stored is null ? judge.LookAtReference(referenceImages!, new JudgingProgress("evaluate", "reference", referenceImages!.Count).Say)
            : judge.Take(stored, request.Reference!, referenceImages, new JudgingProgress("evaluate", "reference", referenceImages?.Count ?? 0).Say);

        foreach ((IImageSource source, string of, int? steps, ulong? seed) in Sets(chosen))
        {
            IImageSource images = ofImages.Length > 0 ? MemorySource.Of(source) : source;
            foreach (string name in ofImages)
                rows.AddRange(EvaluateCommand.Measure(name, MetricRegistry.Find(name), pictures!.Images, ((MemorySource)images).Images)
                    .Select(value => EvaluationRow.Make(of, steps, seed, new JudgedValue($"{name} {value.Name}", value.Value, "", Better.Unknown) { Note = string.Create(CultureInfo.InvariantCulture, $"the first {Math.Min(pictures.Count, images.Count):N0} images of both") })));
            if (judge is not null)
                rows.AddRange(judge.Measure(known!, judge.Look(images, new JudgingProgress("evaluate", source.Words, source.Count).Say), Say).Select(value => EvaluationRow.Make(of, steps, seed, value)));
        }

        long? references = known is { Count: 0 } ? null : known?.Count ?? pictures!.Count;
        string judgedWords = request.Checkpoint is { } path ? $"samples of {path}{(request.Guidance == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" with guidance {request.Guidance}"))}" : judged!.Words;
        return new EvaluationReport(judgedWords, count, known?.Words ?? pictures!.Words, references, judge?.Words, Remarks(judge, known, network), rows, EvaluationReport.Summarise(rows))
        {
            ReferenceSamples = known is { Samples: > 0 } ? known.Samples : null,
            Guidance = model is null ? null : request.Guidance,
            Guide = request.Guide,
            Precision = model is null ? null : request.Precision.On(device).ToString().ToLowerInvariant(),
            Weights = request.Weights,
        };
    }

    private static void Say(string metric, TimeSpan time)
    {
        if (time.TotalSeconds >= 1)
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"evaluate: {metric} in {time.TotalSeconds:F1} s"));
    }

    /// <summary>Opens the reference, and settles the number of images.</summary>
    private void OpenReference(IFeatureNetwork? network, string[] ofImages, string[] ofFeatures)
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
        stored = network is null ? null : ReferenceFile.ReadMoments(path, network.Name, network.Input);
        if (stored is { HoldsImages: false })
        {
            if (ofImages.Length > 0)
                throw new UsageException($"--metrics {ofImages[0]}: compares images, but {path} holds only moments");
            return;
        }

        if (stored is not null && ofImages.Length == 0 && !ofFeatures.Any(name => FeatureMetrics.All[name].Reference == FeatureNeed.Rows))
            return; // the moments suffice
        (int height, int width, int channels) = Extents;
        referenceImages = model is not null && !path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) ? Fitted(path, height, width, channels) : ImageSources.Open(path);
        // Networks resize both sides to their own input; only what compares pixel with pixel needs one size.
        if ((ofImages.Length > 0 || network is PixelFeatures) && (referenceImages.Height, referenceImages.Width, referenceImages.Channels) != (height, width, channels))
            throw new UsageException($"--reference {path}: has images of {Size(referenceImages.Height, referenceImages.Width, referenceImages.Channels)}, but those to judge have {Size(height, width, channels)}");

        string Size(int h, int w, int c) => referenceImages.Channels == channels ? $"{h}x{w}" : $"{h}x{w}x{c}";
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
    private IEnumerable<(IImageSource Source, string Of, int? Steps, ulong? Seed)> Sets(bool chosen)
    {
        ulong[] seeds = request.Seeds.Length > 0 ? request.Seeds : [1];
        if (model is null)
        {
            yield return (judged!, "images", null, chosen ? request.Seeds.FirstOrDefault() : null);
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

    private List<string> Remarks(Judge? judge, FeatureTable? known, IFeatureNetwork? network)
    {
        if (judge is null)
            return [];
        List<string> remarks = EvaluationRemarks.Of(
            judge.Features, count, split is not null, known!.Count == 0 ? null : known.Count, known.Samples > 0 ? known.Samples : null, model is null ? null : Math.Max(1, request.Seeds.Length));
        if (stored is { Input: null } && network is not PixelFeatures)
            remarks.Add(EvaluationRemarks.UnknownInput(request.Reference!, network!.Input));
        return remarks;
    }
}
