using System.Globalization;

namespace TrigFlowNative.Training.Cli;

/// <summary>
/// The one notation of numbers in options, the same in every country: a whole number may end in k, M or G for thousands, millions and thousand millions; a real
/// number has a point and perhaps an exponent. A comma is refused, since it means thousands to some people and a fraction to others.
/// </summary>
internal static class NumberText
{
    /// <summary>Digits of the longest number that is read, with underscores: more fits no type.</summary>
    private const int MaxLength = 28;

    private const string Suffixes = "kMG";

    /// <summary>
    /// Reads a whole number: digits, which underscores may group (1_000_000), a minus sign before them and a suffix behind. With a suffix there may be a
    /// fraction, if the number is whole: 1.5k is 1500.
    /// </summary>
    public static bool TryWhole(string text, out Int128 value)
    {
        value = 0;
        bool negative = text.StartsWith('-');
        ReadOnlySpan<char> digits = text.AsSpan(negative ? 1 : 0);
        int power = digits.IsEmpty ? -1 : Suffixes.IndexOf(digits[^1] == 'K' ? 'k' : digits[^1], StringComparison.Ordinal);
        if (power >= 0)
            digits = digits[..^1];
        if (!TryMantissa(digits, fraction: power >= 0, out decimal mantissa))
            return false;
        for (; power >= 0 && mantissa < 1e24m; power--)
            mantissa *= 1000;
        if (power >= 0 || mantissa != decimal.Truncate(mantissa))
            return false;
        value = (Int128)(negative ? -mantissa : mantissa);
        return true;
    }

    /// <summary>Reads a real number such as 1.5, -2 or 1e-3; false for a number beyond the range of fp32 too.</summary>
    public static bool TryReal(string text, out float value) =>
        float.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value)
        && float.IsFinite(value);

    private static bool TryMantissa(ReadOnlySpan<char> digits, bool fraction, out decimal value)
    {
        value = 0;
        NumberStyles style = fraction ? NumberStyles.AllowDecimalPoint : NumberStyles.None;
        if (digits.IsEmpty || digits.Length > MaxLength || !char.IsAsciiDigit(digits[0]) || !char.IsAsciiDigit(digits[^1]))
            return false;
        return !digits.Contains("__", StringComparison.Ordinal)
            && decimal.TryParse(digits.ToString().Replace("_", "", StringComparison.Ordinal), style, CultureInfo.InvariantCulture, out value);
    }
}
