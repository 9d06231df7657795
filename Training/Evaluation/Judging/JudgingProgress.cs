using System.Diagnostics;
using System.Globalization;

namespace TrigFlowNative.Training.Evaluation;

/// <summary>Says on the error stream now and then how many images are done.</summary>
internal sealed class JudgingProgress(string verb, string what, int count)
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(10);

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private TimeSpan said = TimeSpan.Zero;

    /// <summary>Tells the number of images done.</summary>
    public void Say(int done)
    {
        if (clock.Elapsed < said + BetweenLines || done == count)
            return;
        said = clock.Elapsed;
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{verb}: {what}: {done:N0} of {count:N0} images, {done / said.TotalSeconds:F0} images/s"));
    }
}
