using System.Reflection;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>Dependencies between rooms, the folders of a project: a room uses only the rooms that the table names.</summary>
public class RoomTests
{
    private const string Root = ".";
    private const int MaxFiles = 20;

    /// <summary>
    /// The rooms of each project, the lowest first, each with the rooms above it that it uses. Every arrow listed exists, so the table shows the house
    /// as it is.
    /// </summary>
    private static readonly Dictionary<string, string> Tables = new()
    {
        ["Engine"] = """
            Files:
            Memory:
            Cuda: Memory
            .: Cuda, Memory
            Random: .
            Parameters: .
            Ptx: ., Cuda, Files
            """,
        ["Kernels"] = """
            Device:
            Host:
            Ptx:
            Elementwise: Device
            Embeddings: Device
            Losses: Device, Host
            Movement: Device
            Neighbours:
            Optimizer: Device, Host
            Random: Device
            Images: Host
            Norms: Device, Host, Movement
            Norms/GroupNorm: Host, Ptx, Movement, Random
            Norms/MagnitudeNorm: Device
            Norms/ModulatedNorm: Device, Random
            Products/Shared: Device, Ptx
            Products/Portable: Device, Products/Shared
            Products/Mma: Ptx, Products/Shared
            Products/Wgmma: Ptx, Products/Shared
            Products: Host, Elementwise, Movement, Products/Shared, Products/Portable, Products/Mma, Products/Wgmma
            Products/General: Device, Host, Images, Movement, Products/Shared, Products
            Attention/Shared: Ptx
            Attention/Portable: Device, Host, Movement, Attention/Shared
            Attention/Mma: Ptx, Attention/Shared
            Attention/Wgmma: Device, Ptx, Attention/Shared
            Attention: Attention/Shared, Attention/Portable, Attention/Mma, Attention/Wgmma
            .: Device, Elementwise, Embeddings, Images, Losses, Movement, Neighbours, Optimizer, Random, Norms, Norms/GroupNorm, Norms/MagnitudeNorm, Norms/ModulatedNorm, Products, Products/General, Products/Wgmma, Attention
            """,
        ["Models"] = """
            Latents:
            Networks:
            Networks/Layers: Networks
            Networks/Ddpmpp: Networks, Networks/Layers
            Networks/Edm2: Networks, Networks/Layers
            Files: Latents, Networks, Networks/Ddpmpp, Networks/Edm2
            Files/Archives:
            Files/Pickles: Files/Archives
            Files/Torch: Files/Archives, Files/Pickles
            Files/Import: Latents, Networks, Networks/Ddpmpp, Networks/Edm2, Files, Files/Archives, Files/Pickles, Files/Torch
            .: Latents, Networks, Networks/Ddpmpp, Networks/Edm2, Files
            Networks/Autoencoder: Latents, Networks, Networks/Layers, .
            Sampling: Networks, Files, .
            Features:
            Features/Inception: Networks, Features
            Features/Resnet: Features
            Features/Dino: Features
            Features/Files: Files, Features, Features/Inception, Features/Resnet, Features/Dino
            """,
        ["Training"] = """
            Files:
            Averages:
            Optimization:
            Data/Fitting: Files
            Data/Images: Files, Data/Fitting
            Data/Synthetic: Data/Fitting, Data/Images
            Data/Listing: Files, Data/Fitting, Data/Images
            Data/Latents: Files, Data/Images
            Data/Formats: Files, Data/Fitting, Data/Images, Data/Listing, Data/Latents
            Data/Batches: Data/Images, Data/Latents
            Data/Preparation: Files, Data/Fitting, Data/Images, Data/Formats
            Data: Files, Data/Fitting, Data/Images, Data/Synthetic, Data/Listing, Data/Latents, Data/Formats
            Latents: Files, Data/Images
            Evaluation: Files, Data/Images
            Evaluation/Algebra:
            Evaluation/Distances: Evaluation/Algebra
            Evaluation/References: Files, Evaluation/Distances
            Evaluation/Judging: Files, Data/Images, Data, Evaluation/Distances, Evaluation/References
            Objectives: Optimization
            Steps: Averages, Optimization, Objectives
            Runs/States: Data/Images, Steps
            Runs/Snapshots: Averages
            Runs: Files, Averages, Optimization, Data/Images, Data/Batches, Data, Evaluation, Evaluation/Judging, Objectives, Steps, Runs/States, Runs/Snapshots
            Cli/Options: Files
            Cli/Weights: Files, Objectives, Steps, Runs, Runs/States, Cli/Options
            Cli: Files, Averages, Data/Images, Data/Formats, Data/Preparation, Data, Latents, Evaluation, Evaluation/Distances, Evaluation/References, Evaluation/Judging, Objectives, Steps, Runs, Runs/Snapshots, Cli/Options, Cli/Weights
            .: Cli
            """,
        ["Benchmarks"] = """
            Timing:
            Tables:
            Processes:
            Steps: Timing
            Suite: Steps
            Inspect: Tables
            Features: Suite
            Cases/Norms: Suite
            Cases: Tables, Processes, Steps, Suite, Features, Cases/Norms
            Bench: Timing, Suite, Cases
            Report: Timing, Tables, Steps, Bench
            Endurance: Tables, Processes, Suite, Cases, Bench, Report
            Host: Timing, Suite, Bench
            Peers: Timing, Tables, Steps, Suite, Cases, Bench
            Cli: Timing, Tables, Processes, Steps, Suite, Inspect, Cases, Bench, Report, Endurance, Host, Peers
            .: Cli
            """,
    };

    public static TheoryData<string> Projects => [.. Tables.Keys];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_room_uses_only_rooms_below_it_and_those_that_the_table_names(string project)
    {
        Dictionary<string, string[]> allowed = Read(project);
        IReadOnlyList<RoomArrow> arrows = Arrows(project);
        Findings.None(Forbidden(project, allowed, arrows));
        Findings.None(allowed.SelectMany(room => room.Value.Select(to => (From: room.Key, To: to)))
            .Except(arrows.Select(arrow => (From: Named(arrow.From), To: Named(arrow.To)))).Select(each => $"no file of {each.From} uses {each.To} any more"));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void The_table_of_a_project_has_no_circle(string project)
    {
        string[] rooms = [.. Read(project).Keys];
        Assert.All(Read(project), room => Assert.All(room.Value, to => Assert.InRange(Array.IndexOf(rooms, to), 0, Array.IndexOf(rooms, room.Key) - 1)));
    }

    [Fact]
    public void No_room_has_more_files_than_can_be_taken_in()
    {
        string[] rooms = [.. Tables.Keys.Append("Tests").SelectMany(project => RoomArrow.Sources(Path.Combine(ArchitectureTests.Root, project)))
            .GroupBy(path => Path.GetDirectoryName(path)!).Where(room => room.Count() > MaxFiles).Select(room => $"{room.Key}: {room.Count()}")];
        Findings.None(rooms);
    }

    /// <summary>An arrow that is not allowed is found, with its file: in a house of two rooms that a test builds.</summary>
    [Fact]
    public void A_name_of_another_room_is_an_arrow_wherever_it_stands()
    {
        using var folder = new TemporaryFolder();
        Write("Lower/Word.cs", "namespace P; public static class Word { public const int Size = 3; public static int Of(this string s) => s.Length; }");
        Write("Lower/Other.cs", "namespace P; public struct Other { public int Field; }");
        Write("Upper/Constant.cs", "namespace P; class Constant { int size = Word.Size; }");
        Write("Upper/Extension.cs", "namespace P; class Extension { int size = \"a\".Of(); }");
        Write("Upper/Member.cs", "namespace P; class Member { int Get((int, Other) pair) => pair.Item2.Field; }");
        Write("Upper/None.cs", "namespace P; /// <summary>See <see cref=\"Word\"/>.</summary>\nclass None { string Word = \"Word\"; int Of() => Word.Length; }");
        Assert.Equal(
            ["Upper/Constant.cs: Word", "Upper/Extension.cs: Of", "Upper/Member.cs: Other"],
            RoomArrow.Of(folder.Path, typeof(RoomTests).Assembly).Select(arrow => $"{arrow.File.Replace(Path.DirectorySeparatorChar, '/')}: {arrow.Name}"));

        void Write(string file, string text)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.File(file))!);
            File.WriteAllText(folder.File(file), text);
        }
    }

    /// <summary>A failing test's message names file, name and room in full, however long they are.</summary>
    [Fact]
    public void The_message_names_file_and_room()
    {
        var arrow = new RoomArrow($"Networks/Layers/{new string('A', 80)}.cs", "Networks/Layers", "Sampling", "ConsistencySampler");
        var failure = Assert.ThrowsAny<Exception>(() => Findings.None(Forbidden("Models", Read("Models"), [arrow])));
        Assert.Contains($"Models/{arrow.File} uses ConsistencySampler of the room Sampling", failure.Message, StringComparison.Ordinal);
        Findings.None(Forbidden("Models", Read("Models"), [arrow with { To = "Networks" }]));
    }

    private static IEnumerable<string> Forbidden(string project, Dictionary<string, string[]> allowed, IEnumerable<RoomArrow> arrows) => arrows
        .Where(arrow => !allowed.TryGetValue(Named(arrow.From), out string[]? rooms) || !rooms.Contains(Named(arrow.To)))
        .Select(arrow => $"{project}/{arrow.File} uses {arrow.Name} of the room {Named(arrow.To)}");

    private static IReadOnlyList<RoomArrow> Arrows(string project) =>
        RoomArrow.Of(
            Path.Combine(ArchitectureTests.Root, project), Assembly.Load(project == "Training" ? "trigflow" : $"TrigFlowNative.{project}"),
            project == "Kernels" ? ["Tensor = TrigFlowNative.Engine.Tensor"] : []);

    private static Dictionary<string, string[]> Read(string project) => Tables[project]
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(line => line.Split(':'))
        .ToDictionary(parts => parts[0], parts => parts[1].Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));

    private static string Named(string room) => room.Length == 0 ? Root : room;
}
