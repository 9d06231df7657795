using System.Globalization;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>
/// Where the median time of a row lies over processes, from the medians of several rounds, each measured in a process of its own. Processes differ by
/// more than the runs within one: code is laid out and compiled anew, memory lies elsewhere, the machine has other work.
/// </summary>
/// <param name="Low">Lower end; any unit of time.</param>
/// <param name="High">Upper end, in the same unit.</param>
/// <param name="Spread">Relative deviation between rounds: 1.4826 times the median distance from the median, over the median (normal rounds: their standard deviation).</param>
public sealed record MedianInterval(double Low, double High, double Spread)
{
    /// <summary>Fewer rounds have no interval.</summary>
    public const int MinRounds = 3;

    private const double NormalDeviation = 1.4826; // of a normal distribution, over its median distance from the median
    private const int LeftOutAbove = 5, LeftOutBelow = 10;

    /// <summary>
    /// Returns the interval of rounds; null for fewer than <see cref="MinRounds"/>. It reaches from the least to the greatest median, without one in five at
    /// the upper end and one in ten at the lower: a process that is disturbed is too slow, hardly ever too fast.
    /// </summary>
    public static MedianInterval? Of(IEnumerable<double> rounds)
    {
        double[] sorted = [.. rounds.Order()];
        if (sorted.Length < MinRounds)
            return null;
        double median = Duration.Percentile(sorted, 0.5);
        double[] distances = [.. sorted.Select(each => Math.Abs(each - median)).Order()];
        return new MedianInterval(sorted[sorted.Length / LeftOutBelow], sorted[^(1 + sorted.Length / LeftOutAbove)], NormalDeviation * Duration.Percentile(distances, 0.5) / median);
    }

    /// <summary>Formats medians for a field of a table, separated by blanks.</summary>
    public static string Format(IEnumerable<double> rounds) => string.Join(' ', rounds.Select(each => each.ToString("G6", CultureInfo.InvariantCulture)));

    /// <summary>Reads the medians of such a field; none if it holds anything but positive numbers.</summary>
    public static IReadOnlyList<double> Parse(string field)
    {
        var rounds = new List<double>();
        foreach (string word in field.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!double.TryParse(word, CultureInfo.InvariantCulture, out double each) || !double.IsFinite(each) || each <= 0)
                return [];
            rounds.Add(each);
        }

        return rounds;
    }
}
