using System.Globalization;

namespace TrigFlowNative.Models;

/// <summary>The guidance scales that a student was trained with, as it takes them as an input; beyond them its images are a guess of the network.</summary>
/// <param name="Low">Least scale.</param>
/// <param name="High">Largest scale, at least <paramref name="Low"/>.</param>
public readonly record struct GuidanceRange(float Low, float High)
{
    /// <summary>Whether a scale lies in the range, ends included.</summary>
    public bool Contains(float scale) => scale >= Low && scale <= High;

    /// <summary>The range in words, such as "1 to 2".</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Low} to {High}");

    /// <summary>Formats the range as a JSON array of two numbers.</summary>
    internal string Format() => string.Create(CultureInfo.InvariantCulture, $"[{Low:R}, {High:R}]");

    /// <summary>Reads the output of <see cref="Format"/>; false if the text is not two finite numbers in brackets, the lower first.</summary>
    internal static bool TryParse(string text, out GuidanceRange range)
    {
        range = default;
        ReadOnlySpan<char> inner = text.AsSpan().Trim();
        if (inner.Length < 2 || inner[0] != '[' || inner[^1] != ']')
            return false;
        string[] numbers = inner[1..^1].ToString().Split(',');
        if (numbers.Length != 2 || !TryNumber(numbers[0], out float low) || !TryNumber(numbers[1], out float high))
            return false;
        range = new GuidanceRange(low, high);
        return low <= high;
    }

    private static bool TryNumber(string text, out float number) => float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && float.IsFinite(number);
}
