using System.Globalization;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Says why an evaluation's numbers are not comparable with published ones.</summary>
internal static class EvaluationRemarks
{
    /// <summary>Seeds of which papers print the least value.</summary>
    private const int UsualSeeds = 3;

    /// <summary>Features between which other programs report distances, by their whole names: a narrow or random network has a longer one.</summary>
    private static readonly string[] Published = ["inception-2015", "dinov2-vitl14"];

    /// <summary>All remarks.</summary>
    /// <param name="features">Name of the features.</param>
    /// <param name="images">Number of images to judge.</param>
    /// <param name="heldOut">Whether the reference are images held out of training.</param>
    /// <param name="reference">Number of images of the reference, or of those that its moments are of; null if it is not known.</param>
    /// <param name="samples">Number of images of the reference whose features stand beside stored moments; null for none.</param>
    /// <param name="seeds">Number of seeds of drawn samples; null if the images were not drawn.</param>
    public static List<string> Of(string features, int images, bool heldOut, long? reference, int? samples, int? seeds)
    {
        List<string> remarks = [];
        if (features == PixelFeatures.Word)
            remarks.Add("no other program reports distances between pixels");
        else if (!Published.Contains(features))
            remarks.Add($"no other program reports distances between the features '{features}'");
        if (images != EvaluationReport.UsualImages)
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"they are of {EvaluationReport.UsualImages:N0} images, these of {images:N0}; of fewer, a Fréchet distance is larger"));
        if (heldOut)
            remarks.Add("their reference are all training images, this one's are held out of training");
        else if (reference is not { } count)
            remarks.Add("the number of images that the reference's moments are of is unknown");
        else if (count < EvaluationReport.UsualImages)
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"the reference has only {count:N0} images"));
        if (samples < EvaluationReport.UsualImages)
            remarks.Add(string.Create(CultureInfo.InvariantCulture, $"the reference's features themselves are of only {samples:N0} images"));
        if (seeds < UsualSeeds)
            remarks.Add($"papers print the least of three draws, {(seeds == 1 ? "this is a single one" : $"these are {seeds}")}");
        return remarks;
    }

    /// <summary>The remark on stored moments that do not say how the network's input was made.</summary>
    public static string UnknownInput(string path, string input) => $"the reference's resizing is unknown: {path} does not say how its features' input was made, here it is '{input}'";
}
