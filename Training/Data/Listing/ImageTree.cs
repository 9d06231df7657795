using TrigFlowNative.Training.Files;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// The names in a folder or an archive, before anything is known about classes: relative to it, with '/' between folders. Both are listed
/// into this form and read by <see cref="ImageListing"/>, so that a zip means what the unpacked tree means.
/// </summary>
internal sealed class ImageTree
{
    /// <summary>Folders are read to this depth: a file has at most so many folders in its name.</summary>
    internal const int MaxDepth = 8;

    private bool? holdsLatents;

    /// <summary>Names of files.</summary>
    internal List<string> Files { get; } = [];

    /// <summary>Names of folders, those included that hold nothing or are not looked into.</summary>
    internal List<string> Folders { get; } = [];

    /// <summary>What the lister itself passed over, and why.</summary>
    internal List<(LeftOutReason Reason, string Name)> PassedOver { get; } = [];

    /// <summary>Whether the tree holds latents: .npy arrays and no image. To be asked once it is listed.</summary>
    internal bool HoldsLatents => holdsLatents ??= Files.Exists(NpyHeader.IsName) && !Files.Exists(ImageDecoder.IsImageName);

    /// <summary>Whether a file of this name may be an image or the latents of one, before the tree is listed.</summary>
    internal static bool MayBeImage(string name) => ImageDecoder.IsImageName(name) || NpyHeader.IsName(name);

    /// <summary>Whether a file of this name is one of the tree's images, or of their latents if it holds these.</summary>
    internal bool IsImage(string name) => HoldsLatents ? NpyHeader.IsName(name) : ImageDecoder.IsImageName(name);
}
