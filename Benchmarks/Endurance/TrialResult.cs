using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>The result of a trial in a line.</summary>
/// <param name="Trial">Its name.</param>
/// <param name="Tried">What was done how often.</param>
/// <param name="Lost">What was lost.</param>
/// <param name="IsSound">Whether nothing was lost and nothing failed, and something was tried.</param>
/// <param name="Minutes">How long it took.</param>
internal sealed record TrialResult(string Trial, string Tried, string Lost, bool IsSound, double Minutes)
{
    /// <summary>Formats results as a table.</summary>
    public static string Table(IEnumerable<TrialResult> results)
    {
        var table = new MarkdownTable("trial", "tried", "lost", "verdict", "minutes");
        foreach (TrialResult each in results)
            table.Add(each.Trial, each.Tried, each.Lost, each.IsSound ? "ok" : "FAULTS", each.Minutes);
        return table.ToString();
    }
}
