using System.Collections.Immutable;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Data;

namespace TrigFlowNative.Training.Runs;

/// <summary>The images of a run, and the identity of everything it takes from files.</summary>
/// <param name="Data">The images, fitted to the network.</param>
/// <param name="Identity">What the run was begun with; for a continued run, what its state says, which the files have been compared with.</param>
internal sealed record RunInputs(DatasetSplit Data, RunIdentity Identity)
{
    /// <summary>Says what was assumed about a weight file that does not say it; null if nothing was.</summary>
    public string? Assumption { get; private init; }

    /// <summary>Opens the images, and compares images, teacher and initial weights with those that a state was made with.</summary>
    /// <param name="config">Configuration of the run.</param>
    /// <param name="root">Folder of the run, for messages.</param>
    /// <param name="state">State to continue from; null for a new run.</param>
    /// <exception cref="UsageException">The images do not fit the network or the weights' latents, all their pixels are alike, or a content is not the one that the run was begun with.</exception>
    /// <exception cref="InvalidFileException">A file is missing, damaged or malformed.</exception>
    public static RunInputs Open(RunConfig config, string root, SavedState? state)
    {
        DatasetSplit data = OpenData(config);
        RequireSameLatents(config, data.Train.Latents);
        RunIdentity? before = state?.Identity;
        string? init = config.Init is null || (state is not null && !File.Exists(config.Init)) ? null : HashOf(config.Init);
        string? teacher = config.Teacher is null ? null : HashOf(config.Teacher);
        (DataFingerprint fingerprint, float sigmaData) = before is null ? Measure(config, data) : (DataFingerprint.Of(data.Train), before.SigmaData);
        var now = new RunIdentity(sigmaData, fingerprint, teacher, init, config.Guide is null ? null : HashOf(config.Guide));
        if (before is not null)
            RequireSame(root, config, before, now);
        return new RunInputs(data, before ?? now) { Assumption = before is null ? AssumptionOn(config, data.Train.Latents) : null };
    }

    /// <summary>
    /// Names of the network's classes in the order of their numbers; empty if it has none. A name that cannot stand in a weight file is replaced by the
    /// class's number.
    /// </summary>
    public ImmutableArray<string> ClassNamesFor(NetworkConfig network)
    {
        if (network.LabelCount == 0 || Data.Description.ClassNames.Count != network.LabelCount)
            return [];
        string[] names = [.. Data.Description.ClassNames.Select((name, label) =>
            ClassNames.Fault([name], 1) is null ? name : label.ToString(CultureInfo.InvariantCulture))];
        return ClassNames.Fault(names, network.LabelCount) is null ? [.. names] : [];
    }

    /// <summary>Opens images, or latents of a space, at a network's extents.</summary>
    /// <exception cref="UsageException">They cannot be brought to these extents.</exception>
    /// <exception cref="InvalidFileException">See <see cref="ImageDataset.Open"/>.</exception>
    public static DatasetSplit OpenFitted(string data, Shape image, LatentSpace? latents = null)
    {
        try
        {
            return ImageDataset.Open(data, image.H, image.C, latents);
        }
        catch (ArgumentException e)
        {
            throw new UsageException($"{data} cannot be fitted to images of {image}: {e.Message}");
        }
    }

    /// <summary>Requires that the files have the contents that the run was begun with; initial weights that are gone pass, since the state holds what they gave.</summary>
    private static void RequireSame(string root, RunConfig config, RunIdentity before, RunIdentity now)
    {
        string? difference = now.Data.DifferenceFrom(before.Data) is { } other ? $"{config.Data} {other}"
            : now.Teacher != before.Teacher ? $"{config.Teacher} holds other weights"
            : now.Guide != before.Guide ? (config.Guide is null ? "the teacher has lost its --guide" : before.Guide is null ? $"the teacher had no guide such as {config.Guide}" : $"{config.Guide} holds other weights")
            : now.Init is not null && now.Init != before.Init ? $"{config.Init} holds other weights"
            : null;
        if (difference is not null)
            throw new UsageException($"{root} holds a run that was begun with other contents: {difference}; choose another --out");
    }

    /// <summary>Requires that data, teacher and initial weights are of latents of one space, or all of pixels, as far as the files say it.</summary>
    private static void RequireSameLatents(RunConfig config, LatentSpace? data)
    {
        if (data is not null && config.Flip)
            throw new UsageException($"{config.Data} holds latents, which cannot be mirrored, since those of a mirrored image are others: --set flip=false");
        foreach (string file in new[] { config.Teacher, config.Guide, config.Init }.OfType<string>().Where(File.Exists))
        {
            LatentSpace? known = WeightFile.ReadDescription(file, config.Network with { Conditions = [] }).Description.Latents;
            if (known is null || known.Equals(data))
                continue;
            throw new UsageException(data is null
                ? $"{file} is a model of latents, but {config.Data} holds pixels"
                : $"{file} is a model of latents of {known}, but {config.Data} is read as those of {data}: --set latent_convention says which they are");
        }
    }

    private static DatasetSplit OpenData(RunConfig config)
    {
        DatasetSplit data = OpenFitted(config.Data, config.Network.Image, LatentConventions.Get(config.LatentConvention));
        if (config.Network.LabelCount > 0 && config.Network.LabelCount != data.Train.LabelCount)
            throw new UsageException($"the network has {config.Network.LabelCount} classes (label_dim), but {config.Data} has {data.Train.LabelCount}: {data.Description.ToLine()}");
        return data;
    }

    /// <summary>The images' fingerprint, and sigma_data of the teacher or the weights that training starts from, or else the configuration's, or else that of the images.</summary>
    /// <exception cref="UsageException">The configuration names another sigma_data than the file, or all pixels are alike.</exception>
    private static (DataFingerprint Fingerprint, float SigmaData) Measure(RunConfig config, DatasetSplit data)
    {
        if ((config.Teacher ?? config.Init) is { } file && File.Exists(file))
        {
            float trained = WeightFile.ReadDescription(file, config.Network with { Conditions = [] }).Description.SigmaData;
            return config.SigmaData is { } other && Math.Abs(other - trained) > 1e-6f * trained
                ? throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"sigma_data={other}: {file} was trained with {trained}; leave it out, or --set sigma_data=null"))
                : (DataFingerprint.Of(data.Train), trained);
        }

        if (config.SigmaData is { } given)
            return (DataFingerprint.Of(data.Train), given);
        if (data.Train.Latents is not null)
            return (DataFingerprint.Of(data.Train), LatentSpace.SigmaData);
        (DataFingerprint fingerprint, PixelStatistics statistics) = DataFingerprint.Measure(data.Train);
        float measured = (float)statistics.SigmaData;
        return measured > 0 ? (fingerprint, measured) : throw new UsageException($"{config.Data}: all pixels of all images are alike, so that their standard deviation sigma_data is 0");
    }

    private static string? AssumptionOn(RunConfig config, LatentSpace? latents)
    {
        if ((config.Teacher ?? config.Init) is not { } file)
            return null;
        WeightDescription description = WeightFile.ReadDescription(file, config.Network with { Conditions = [] }).Description;
        if (latents is not null && description.Latents is null)
            return $"{file}: taken as a model of latents of {latents}, since its metadata does not say it";
        return description.IsAssumed
            ? string.Create(CultureInfo.InvariantCulture, $"{file}: taken as a {description.Kind.ToString().ToLowerInvariant()} model with sigma_data {description.SigmaData}, since its metadata does not say both")
            : null;
    }

    private static string HashOf(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return file.HashData();
    }
}
