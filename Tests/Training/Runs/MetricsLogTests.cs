using TrigFlowNative.Training.Runs;
using Xunit;

namespace TrigFlowNative.Tests.Training;

public sealed class MetricsLogTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    [Fact]
    public void Means_stand_between_the_fixed_columns_in_the_order_in_which_they_occur()
    {
        using (var log = new MetricsLog(path, 0))
        {
            log.Append(Row(1, ("loss", 0.5), ("error", 0.25)));
            log.Append(Row(2, ("loss", 0.4), ("error", 0.2)));
        }

        Assert.Equal(
            ["step,objective,kimg,loss,error,learning_rate,skipped,images_per_second", "1,scd,0.032,0.5,0.25,0.001,0,10", "2,scd,0.064,0.4,0.2,0.001,0,10"],
            File.ReadAllLines(path));
    }

    [Fact]
    public void A_mean_of_a_new_name_becomes_a_column_and_no_line_is_lost()
    {
        using (var log = new MetricsLog(path, 0))
        {
            log.Append(Row(1, ("loss", 0.5)));
            log.Append(Row(2, ("loss", 0.4), ("fake_loss", 3)));
            log.Append(Row(3, ("loss", 0.3), ("fake_loss", 2)));
        }

        using (var resumed = new MetricsLog(path, 2))
            resumed.Append(Row(4, ("loss", 0.2)));
        Assert.Equal(
            ["step,objective,kimg,loss,fake_loss,learning_rate,skipped,images_per_second", "1,scd,0.032,0.5,,0.001,0,10", "2,scd,0.064,0.4,3,0.001,0,10", "4,scd,0.128,0.2,,0.001,0,10"],
            File.ReadAllLines(path));
        IReadOnlyList<MetricsRow> rows = MetricsLog.Read(path);
        Assert.Equal([1, 2, 1], rows.Select(row => row.Means.Count));
        Assert.Equal((0.4, 3.0), (rows[1].Loss, rows[1].Means["fake_loss"]));
    }

    [Fact]
    public void A_line_cut_short_is_dropped()
    {
        File.WriteAllText(path, "step,objective,kimg,loss,learning_rate,skipped,images_per_second\n1,scd,0.032,0.5,0.001,0,10\n2,scd,0.0");
        Assert.Equal([1L], MetricsLog.Read(path).Select(row => row.Step));
    }

    [Theory]
    [InlineData("2,scd,0.064,x,0.001,0,10")]
    [InlineData("2,scd")]
    [InlineData("")]
    [InlineData("\"2,scd,0.064,0.4,0.001,0,10")]
    [InlineData("\0\0\0\0")]
    public void A_line_that_cannot_be_read_costs_no_other_and_the_file_is_kept(string odd)
    {
        string[] lines = ["step,objective,kimg,loss,learning_rate,skipped,images_per_second", "1,scd,0.032,0.5,0.001,0,10", odd, "3,scd,0.096,0.3,0.001,0,10"];
        string text = string.Join('\n', lines) + "\n";
        File.WriteAllText(path, text);
        using (var log = new MetricsLog(path, 3))
        {
            Assert.Equal([1L, 3L], log.Rows.Select(row => row.Step));
            log.Append(Row(4, ("loss", 0.2)));
            if (odd.Length == 0)
                Assert.Null(log.SetAside); // an empty line holds nothing
            else
                Assert.Equal(text, File.ReadAllText(path + ".damaged"));
        }

        Assert.Equal([1L, 3L, 4L], MetricsLog.Read(path).Select(row => row.Step));
        File.Delete(path + ".damaged");
    }

    /// <summary>Under a damaged header every number may stand in a wrong column, so no line is taken.</summary>
    [Theory]
    [InlineData("stap,objective,kimg,loss,learning_rate,skipped,images_per_second")]
    [InlineData("step,objective,kimg,loss,learning_rate,skipped,x")]
    [InlineData("step,objective,kimg,step,learning_rate,skipped,images_per_second")]
    public void Under_a_damaged_header_no_line_is_taken_and_the_file_is_kept(string header)
    {
        string text = header + "\n1,scd,0.032,0.5,0.001,0,10\n2,scd,0.064,0.4,0.001,0,10\n";
        File.WriteAllText(path, text);
        using (var log = new MetricsLog(path, 2))
            Assert.True(log.Rows.Count == 0 && log.SetAside is not null, log.SetAside);
        Assert.Equal(text, File.ReadAllText(path + ".damaged"));
        File.Delete(path + ".damaged");
    }

    [Fact]
    public void A_run_that_begins_anew_keeps_the_lines_of_the_one_before_in_a_copy()
    {
        using (var log = new MetricsLog(path, 0))
            log.Append(Row(1, ("loss", 0.5)));
        string text = File.ReadAllText(path);
        using (var log = new MetricsLog(path, 0))
            Assert.Contains("states are gone", log.SetAside, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(path + ".before"));
        File.Delete(path + ".before");
    }

    public void Dispose() => File.Delete(path);

    private static MetricsRow Row(long step, params (string Name, double Value)[] means) => new()
    {
        Step = step,
        Objective = "scd",
        KImg = step * 32 / 1000.0,
        Means = means.ToDictionary(mean => mean.Name, mean => mean.Value),
        LearningRate = 0.001,
        ImagesPerSecond = 10,
    };
}
