using TrigFlowNative.Tests.Models;
using Xunit;

namespace TrigFlowNative.Tests.Training;

/// <summary>import and info as a person uses them: what they print, exit code 2 and one line for bad input, no file written over.</summary>
public sealed class ImportCommandTests : IDisposable
{
    private static readonly byte[] Weights = TestTorch.Zip(
        P.Pickle(P.Dict(("epoch", P.Int(1)), ("ema", P.OrderedDict(("w", TestTorch.Floats("0", 2, 3)))))), ("0", TestTorch.Raw(1f, 2, 3, 4, 5, float.NaN)));

    private readonly TemporaryFolder temp = new();

    [Fact]
    public void A_file_is_imported_and_described()
    {
        string path = temp.Write("w.pth", Weights), output = temp.File("new/w.safetensors");
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run("import", path, output);
        Assert.True(outcome.ExitCode == 0, outcome.ToString());
        Assert.Equal(
            [
                "kind     PyTorch state dict", "tensors  1", "numbers  6", "types    F32", "names    w [2, 3]", "note     taken from the key 'ema'", "skipped  1 value that is no tensor",
                $"written  {output}",
            ],
            outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()));
        Assert.Contains("1 of the numbers are infinite or not a number", outcome.Errors, StringComparison.Ordinal);
        byte[] first = File.ReadAllBytes(output);

        AssertRefused(["import", path, output], $"{output}: is there already; remove it, or choose another name");
        Assert.Equal(first, File.ReadAllBytes(output));
        outcome = TrigflowProcess.Run("info", output);
        Assert.Contains("imported_from  w.pth", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("kind           tensors without a network", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_input_is_one_line_and_nothing_is_left()
    {
        string path = temp.Write("w.pth", Weights), hostile = temp.Write("hostile.pth", TestTorch.Zip(P.Pickle(P.Call("posix", "system", P.Text($"touch {temp.File("was-run")}")))));
        AssertRefused(["import", hostile, temp.File("out.safetensors")], $"{hostile}: data.pkl: GLOBAL at byte 2 names posix.system");
        AssertRefused(["import", path, temp.File("out.npz")], "out.npz: expected a name that ends in .safetensors");
        AssertRefused(["import", path, temp.File("out.safetensors"), "--key", "model"], "has no tensors under the key 'model'; those that have some are ema");
        AssertRefused(["info", temp.File("none")], $"{temp.File("none")}: no such file");
        AssertRefused(["info", temp.Path], "is a folder without a run's config.json and without training states");
        Assert.Equal([hostile, path], temp.Contents().Keys);
    }

    /// <summary>A run's folder: what it was begun with, its states, its model.</summary>
    [Fact]
    public void The_folder_of_a_run_is_described()
    {
        string run = temp.File("run");
        TrigflowProcess.Outcome trained = TrigflowProcess.Run(
            "train", "--objective", "trigflow", "--data", "synthetic", "--preset", "demo", "--out", run, "--device", "cpu", "--images", "4", "--batch", "4", "--set", "seed=11");
        Assert.True(trained.ExitCode == 0, trained.ToString());
        string output = TrigflowProcess.Run("info", run).Output;
        string[] wanted = ["folder of a run", "preset      demo", "objective   trigflow", "data        synthetic", "seed        11", "4 in all, 4 a step", "training state", "weights with their network", "parameters", "sigma_data"];
        Assert.All(wanted, words => Assert.Contains(words, output, StringComparison.Ordinal));
        Assert.Contains("training state", TrigflowProcess.Run("info", Path.Combine(run, "checkpoints")).Output, StringComparison.Ordinal);
    }

    public void Dispose() => temp.Dispose();

    private static void AssertRefused(string[] arguments, string reason)
    {
        TrigflowProcess.Outcome outcome = TrigflowProcess.Run(arguments);
        Assert.True(outcome.ExitCode == 2, outcome.ToString());
        Assert.Contains(reason, Assert.Single(outcome.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }
}
