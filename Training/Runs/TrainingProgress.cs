using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// Shows the progress of a job: on a terminal as a bar with images/s, loss and time left, elsewhere as a plain line every ten seconds.
/// </summary>
public sealed class TrainingProgress
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(10);
    private readonly Stopwatch sinceLine = Stopwatch.StartNew();
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly string title;
    private readonly long start, total;
    private readonly ProgressTask? task;
    private string figures = "";

    private TrainingProgress(string title, long start, long total, ProgressTask? task)
    {
        this.title = title;
        this.start = start;
        this.total = total;
        this.task = task;
    }

    /// <summary>Runs a job with a display of its progress.</summary>
    /// <param name="title">Name of the job, in a word or two.</param>
    /// <param name="start">Training steps done by the run before it was resumed.</param>
    /// <param name="total">Training steps of the whole run.</param>
    /// <param name="body">The job, which calls <see cref="Report"/>.</param>
    public static void Run(string title, long start, long total, Action<TrainingProgress> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (Console.IsOutputRedirected || !AnsiConsole.Profile.Capabilities.Ansi)
        {
            body(new TrainingProgress(title, start, total, null));
            return;
        }

        TrainingProgress? shown = null;
        AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new FiguresColumn(() => shown?.figures ?? ""))
            .Start(context =>
            {
                ProgressTask task = context.AddTask(Markup.Escape(title), maxValue: total);
                task.Value = start;
                shown = new TrainingProgress(title, start, total, task);
                body(shown);
            });
    }

    /// <summary>Reports the progress of the job.</summary>
    /// <param name="step">Training steps done.</param>
    /// <param name="imagesPerSecond">Recent speed in images per second.</param>
    /// <param name="loss">Recent loss; null if none is known yet.</param>
    public void Report(long step, double imagesPerSecond, double? loss)
    {
        double left = step > start ? clock.Elapsed.TotalSeconds / (step - start) * (total - step) : 0;
        string lossText = loss is { } value ? $"loss {value.ToString("F4", CultureInfo.InvariantCulture)}, " : "";
        figures = string.Create(CultureInfo.InvariantCulture, $"{imagesPerSecond:F0} images/s, {lossText}{Duration(left)} left");
        if (task is not null)
        {
            task.Value = step;
        }
        else if (sinceLine.Elapsed > LineInterval || step == total)
        {
            sinceLine.Restart();
            Console.WriteLine($"{title}: step {step} of {total}, {figures}");
        }
    }

    private static string Duration(double seconds)
    {
        const double year = 365.25 * 24 * 3600;
        if (seconds >= year)
            return string.Create(CultureInfo.InvariantCulture, $"{seconds / year:G3} years");
        var span = TimeSpan.FromSeconds(seconds);
        return span.TotalHours >= 1 ? $"{(int)span.TotalHours}:{span.Minutes:00} h" : $"{span.Minutes}:{span.Seconds:00} min";
    }

    private sealed class FiguresColumn(Func<string> text) : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(text());
    }
}
