using System.Text.RegularExpressions;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>CONTRIBUTING.md is true: its links, paths and names exist, its table names every folder, and its example is the file that is compiled.</summary>
public partial class ContributingTests
{
    private static readonly string Text = File.ReadAllText(Path.Combine(ArchitectureTests.Root, "CONTRIBUTING.md"));

    /// <summary>The sections from the first "How to add" on, without the code between fences.</summary>
    private static readonly string HowTo = Fenced().Replace(Text[Text.IndexOf("## What can be added", StringComparison.Ordinal)..Text.IndexOf("## How to claim", StringComparison.Ordinal)], "");

    private static readonly string[] Floors = ["Engine", "Kernels", "Models", "Training", "Benchmarks"];

    public static TheoryData<string> Rows => [.. Floors, "Tests"];

    [Fact]
    public void Every_link_leads_somewhere()
    {
        string[] links = [.. Link().Matches(Text).Select(match => match.Groups[1].Value)];
        Assert.NotEmpty(links);
        string[] broken = [.. links.Where(link => !Path.Exists(Path.Combine(ArchitectureTests.Root, link)))];
        Findings.None(broken);
    }

    [Fact]
    public void Every_path_exists()
    {
        string[] paths = [.. Quoted().Matches(Text).Select(match => match.Groups[1].Value).Where(quoted => Floors.Append("Tests").Any(floor => quoted.StartsWith(floor + "/", StringComparison.Ordinal)))];
        Assert.NotEmpty(paths);
        string[] absent = [.. paths.Where(path => !Path.Exists(Path.Combine(ArchitectureTests.Root, path)))];
        Findings.None(absent);
    }

    /// <summary>A type or a member that a section names, apart from what kernels must not use of MathF, occurs in the sources as a word.</summary>
    [Fact]
    public void Every_name_of_the_how_to_occurs_in_the_sources()
    {
        HashSet<string> words = [.. Floors.Append("Tests")
            .SelectMany(floor => Directory.EnumerateFiles(Path.Combine(ArchitectureTests.Root, floor), "*.cs*", SearchOption.AllDirectories)).Where(IsSource)
            .SelectMany(path => Word().Matches(Path.GetFileName(path) == "ContributingTests.cs" ? "" : File.ReadAllText(path)).Select(match => match.Value))];
        string[] names = [.. Quoted().Matches(HowTo).Select(match => match.Groups[1].Value).Where(quoted => Name().IsMatch(quoted) && !quoted.StartsWith("MathF.", StringComparison.Ordinal)).SelectMany(quoted => quoted.Split('.')).Distinct()];
        Assert.True(names.Length > 40, $"{names.Length} names");
        Findings.None(names.Except(words).Except(Floors));
    }

    /// <summary>All folders that hold sources, apart from those of single networks and, in Tests, those that mirror the tree.</summary>
    [Theory]
    [MemberData(nameof(Rows))]
    public void The_table_names_every_folder_of_a_floor(string floor)
    {
        string row = Text.Split('\n').Single(line => line.StartsWith($"| `{floor}` |", StringComparison.Ordinal));
        string root = Path.Combine(ArchitectureTests.Root, floor);
        string[] folders = [.. Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories).Where(IsSource)
            .Select(path => Path.GetRelativePath(root, Path.GetDirectoryName(path)!).Replace(Path.DirectorySeparatorChar, '/')).Distinct()
            .Where(folder => folder != "." && (floor == "Tests" ? !Floors.Contains(folder.Split('/')[0]) : !folder.StartsWith("Networks/", StringComparison.Ordinal)))];
        string[] unnamed = [.. folders.Where(folder => !row.Contains($"`{Path.GetFileName(folder)}`", StringComparison.Ordinal))];
        Findings.None(unnamed);
        string[] absent = [.. Quoted().Matches(row).Select(match => match.Groups[1].Value).Where(quoted => FolderName().IsMatch(quoted) && quoted != floor
            && !Directory.EnumerateDirectories(root, quoted, SearchOption.AllDirectories).Any() && !IsType(quoted))];
        Findings.None(absent);
    }

    [Fact]
    public void The_example_is_the_file_as_it_is()
    {
        string source = File.ReadAllText(Path.Combine(ArchitectureTests.Root, "Tests", "Extension", "DoublingCase.cs"));
        Assert.Contains(source[source.IndexOf("/// <summary>", StringComparison.Ordinal)..].TrimEnd(), Text, StringComparison.Ordinal);
    }

    private static bool IsType(string name) => Directory.EnumerateFiles(ArchitectureTests.Root, name + ".cs", SearchOption.AllDirectories).Any(IsSource);

    private static bool IsSource(string path) =>
        !Path.GetRelativePath(ArchitectureTests.Root, path).Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj");

    [GeneratedRegex(@"\]\(([^)#:]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`([^`\n]+)`")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"```.*?```", RegexOptions.Singleline)]
    private static partial Regex Fenced();

    [GeneratedRegex(@"^[A-Z]\w+(\.[A-Z]\w+)?$")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[A-Z]\w+$")]
    private static partial Regex FolderName();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();
}
