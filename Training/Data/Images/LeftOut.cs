using System.Globalization;

namespace TrigFlowNative.Training.Data;

/// <summary>What lies in a data set and is not read, of one reason.</summary>
/// <param name="Reason">Why it is not read.</param>
/// <param name="Count">How many files, folders or classes; at least 1.</param>
/// <param name="Example">The name of one, relative to the data set; the first in the order of names.</param>
public sealed record LeftOut(LeftOutReason Reason, int Count, string Example)
{
    /// <summary>Counts by kind where the reason has kinds (".bmp 16, .webp 16"), or what a class holds instead of images; otherwise empty.</summary>
    public string Detail { get; init; } = "";

    /// <summary>A few words, such as "48 files that are not PNG or JPEG (.bmp 16, .tif 16, .webp 16)".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Count:N0} {Words(Reason, Count == 1)} ({(Detail.Length > 0 ? Detail : Example)})");

    private static string Words(LeftOutReason reason, bool single) => (reason, single) switch
    {
        (LeftOutReason.OtherSplit, true) => "image of another split",
        (LeftOutReason.OtherSplit, _) => "images of other splits",
        (LeftOutReason.OtherFormat, true) => "file that is not PNG or JPEG",
        (LeftOutReason.OtherFormat, _) => "files that are not PNG or JPEG",
        (LeftOutReason.EmptyClass, true) => "class without images",
        (LeftOutReason.EmptyClass, _) => "classes without images",
        (LeftOutReason.NoImages, true) => "folder without images",
        (LeftOutReason.NoImages, _) => "folders without images",
        (LeftOutReason.Unreadable, true) => "folder that may not be read",
        (LeftOutReason.Unreadable, _) => "folders that may not be read",
        (LeftOutReason.TooDeep, true) => "folder that lies too deep",
        (LeftOutReason.TooDeep, _) => "folders that lie too deep",
        (LeftOutReason.LeadsBack, true) => "link that leads back",
        (LeftOutReason.LeadsBack, _) => "links that lead back",
        (LeftOutReason.ReachedTwice, true) => "link to what is read already",
        (LeftOutReason.ReachedTwice, _) => "links to what is read already",
        (LeftOutReason.LeadsNowhere, true) => "link that leads nowhere",
        (LeftOutReason.LeadsNowhere, _) => "links that lead nowhere",
        (LeftOutReason.NoRegularFile, true) => "pipe, socket or device",
        (LeftOutReason.NoRegularFile, _) => "pipes, sockets or devices",
        (LeftOutReason.Hidden, true) => "hidden file or folder",
        (LeftOutReason.Hidden, _) => "hidden files and folders",
        (LeftOutReason.System, true) => "folder of an operating system",
        (LeftOutReason.System, _) => "folders of an operating system",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "has no words"),
    };
}
