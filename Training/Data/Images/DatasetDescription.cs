using System.Globalization;
using System.Text;

namespace TrigFlowNative.Training.Data;

/// <summary>What was found in a data set and what became of it, so that a run can say it before it trains.</summary>
/// <param name="Format">The format in words that follow "of": "CIFAR-10", "a folder", "a zip archive", "synthetic shapes".</param>
public sealed record DatasetDescription(string Format)
{
    private const int ClassesShown = 10;
    private const int FirstClassesShown = 2;
    private const int LongestName = 40;

    /// <summary>Number of images; less than the sum of the two parts for a single image, which is both trained on and held out.</summary>
    public int Images { get; init; }

    /// <summary>Number of images to train on.</summary>
    public int TrainImages { get; init; }

    /// <summary>Number of held-out images.</summary>
    public int HeldOutImages { get; init; }

    /// <summary>Names of the classes in the order of their labels, the number as text where no name is known; empty if there are no classes.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>Sizes as found, and what was done to fit them; null if no image was looked at yet.</summary>
    public SourceFitting? Fitting { get; init; }

    /// <summary>The split or the file that was taken of those that are there, such as "split train of test, train"; empty if there is only one.</summary>
    public string Split { get; init; } = "";

    /// <summary>What lies in the data set and was not read, in the order of <see cref="LeftOutReason"/>; empty if all was read.</summary>
    public IReadOnlyList<LeftOut> LeftOut { get; init; } = [];

    /// <summary>
    /// All of it in one line of printable characters without a prefix, such as "1,875 images (1,758 to train on, 117 held out) of a folder,
    /// 10 classes (airplane, automobile, ... truck), 32x32 fitted to 16x16x3 by resampling; left out: 16 files that are not PNG or JPEG (.webp 16)".
    /// </summary>
    public string ToLine()
    {
        StringBuilder line = new();
        if (Images == 1)
            line.Append("1 image (both trained on and held out)");
        else
            line.Append(CultureInfo.InvariantCulture, $"{Images:N0} images ({TrainImages:N0} to train on, {HeldOutImages:N0} held out)");
        line.Append(" of ").Append(Format);
        if (Split.Length > 0)
            line.Append(CultureInfo.InvariantCulture, $", {Split}");
        line.Append(", ").Append(Classes());
        if (Fitting is not null)
            line.Append(", ").Append(Fitting).Append(Fitting.Images < Images ? string.Create(CultureInfo.InvariantCulture, $" (by a look at {Fitting.Images:N0} of them)") : "");
        if (LeftOut.Count > 0)
            line.Append("; left out: ").AppendJoin(", ", LeftOut);
        return Printable(line.ToString());
    }

    /// <summary>Names of classes that have none: their numbers.</summary>
    internal static string[] NumberNames(int count) => [.. Enumerable.Range(0, count).Select(label => label.ToString(CultureInfo.InvariantCulture))];

    private string Classes()
    {
        if (ClassNames.Count == 0)
            return "no classes";
        string head = string.Create(CultureInfo.InvariantCulture, $"{ClassNames.Count:N0} class{(ClassNames.Count == 1 ? "" : "es")}");
        IEnumerable<string> shown = ClassNames.Count <= ClassesShown && ClassNames.Sum(name => name.Length) <= 2 * LongestName
            ? ClassNames
            : ClassNames.Count <= FirstClassesShown + 1 ? ClassNames.Select(Shorten) : [.. ClassNames.Take(FirstClassesShown).Select(Shorten), $"... {Shorten(ClassNames[^1])}"];
        return $"{head} ({string.Join(", ", shown)})";
    }

    private static string Shorten(string name) => name.Length <= LongestName ? name : string.Concat(name.AsSpan(0, LongestName), "...");

    // Names of files and classes come from outside, and a terminal obeys control characters.
    private static string Printable(string text)
    {
        StringBuilder line = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool hidden = Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate;
            line.Append(hidden ? "?" : rune.ToString());
        }

        return line.ToString();
    }
}
