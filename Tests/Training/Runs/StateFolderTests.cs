using TrigFlowNative.Engine;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>Which states are taken, kept and deleted.</summary>
public sealed class StateFolderTests : IDisposable
{
    private readonly TemporaryFolder temp = new();
    private readonly Tensor value = TestDevices.Get("cpu").CreateTensor(new Shape(3), [1, 2, 3]);

    [Fact]
    public void The_last_two_are_kept()
    {
        StateFolder folder = Folder();
        foreach (long step in new long[] { 1, 2, 3, 40 })
            folder.Save(step, State, null);
        Assert.Equal([40L, 3L], Steps());
    }

    [Fact]
    public void Without_states_there_is_none() => Assert.Null(Folder().Newest());

    [Fact]
    public void A_state_that_does_not_load_is_passed_over_kept_and_not_counted()
    {
        StateFolder folder = Folder();
        folder.Save(4, State, null);
        folder.Save(8, State, null);
        Damage(8);
        folder = Folder();
        SavedState taken = folder.Newest()!;
        Assert.Equal(4, taken.Step);
        Assert.Contains("step-0000000008", Assert.Single(folder.SetDamagedAside(taken)), StringComparison.Ordinal);
        folder.Save(6, State, null);
        Assert.Equal([6L, 4L], Steps()); // what was just written stays, although the damaged one had a later step
        folder.Save(8, State, null);
        folder.Save(10, State, null);
        Assert.Equal([10L, 8L], Steps());
        Assert.True(File.Exists(FileOf(8) + ".damaged"));
    }

    [Fact]
    public void Where_none_loads_each_is_named_with_its_fault_and_nothing_changes()
    {
        StateFolder folder = Folder();
        folder.Save(4, State, null);
        folder.Save(8, State, null);
        Damage(8);
        File.WriteAllText(FileOf(4), "no state");
        SortedDictionary<string, byte[]> before = temp.Contents();
        InvalidFileException refused = Assert.Throws<InvalidFileException>(() => Folder().Newest());
        Assert.Contains("step-0000000008.safetensors its data", refused.Message, StringComparison.Ordinal);
        Assert.Contains("step-0000000004.safetensors a header of", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, temp.Contents());
    }

    [Fact]
    public void A_state_that_cannot_be_opened_is_no_damage()
    {
        Folder().Save(4, State, null);
        Folder().Save(8, State, null);
        File.Delete(FileOf(8));
        Directory.CreateDirectory(FileOf(8)); // even root cannot read it as a file
        Folder().Save(9, State, null);
        using (new FileStream(FileOf(9), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            InvalidFileException refused = Assert.Throws<InvalidFileException>(() => Folder().Newest());
            Assert.Contains("cannot be opened", refused.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>A copy of an old state under a later name would rewind the run at every start.</summary>
    [Fact]
    public void A_state_under_the_name_of_another_step_is_set_aside()
    {
        StateFolder folder = Folder();
        folder.Save(4, State, null);
        folder.Save(8, State, null);
        File.Copy(FileOf(4), FileOf(99));
        folder = Folder();
        SavedState taken = folder.Newest()!;
        Assert.Equal(8, taken.Step);
        Assert.Contains("holds the state of step 4", Assert.Single(folder.SetDamagedAside(taken)), StringComparison.Ordinal);
        Assert.Equal([8L, 4L], Steps());
    }

    [Fact]
    public void Other_files_are_neither_states_nor_deleted()
    {
        StateFolder folder = Folder();
        string note = temp.Write("step-best.safetensors", 1, 2, 3);
        for (int step = 1; step < 5; step++)
            folder.Save(step, State, null);
        Assert.True(File.Exists(note));
        Assert.Equal(4, Folder().Newest()!.Step);
    }

    public void Dispose()
    {
        value.Dispose();
        temp.Dispose();
    }

    private IReadOnlyList<StateTensor> State => [new("value", value)];

    private StateFolder Folder() => new(temp.Path);

    private string FileOf(long step) => temp.File($"step-{step:D10}.safetensors");

    private long[] Steps() => [.. Folder().Paths().Select(path => Checkpoint.Inspect(path).Step)];

    private void Damage(long step)
    {
        byte[] bytes = File.ReadAllBytes(FileOf(step));
        bytes[^2] ^= 1;
        File.WriteAllBytes(FileOf(step), bytes);
    }
}
