using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>The findings of a rule over the sources. A failing test prints each whole, where Assert.Empty would cut it after 50 characters.</summary>
internal static class Findings
{
    /// <summary>Fails if there is any finding.</summary>
    public static void None(IEnumerable<string> findings)
    {
        string[] all = [.. findings];
        Assert.True(all.Length == 0, string.Join('\n', all));
    }
}
