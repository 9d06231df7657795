using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests;

/// <summary>The arrows between the projects point down, deployments stay small, every op is listed and tested, the surface is documented.</summary>
public class ArchitectureTests
{
    private const int LongestFile = 400;

    /// <summary>Allowed references of each project: projects below it, and the packages of its floor.</summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Engine"] = ["ILGPU", "ILGPU.Algorithms", "System.IO.Hashing"],
        ["Kernels"] = ["Engine", "System.Numerics.Tensors"],
        ["Models"] = ["Kernels"],
        ["Training"] = ["Models", "CsvHelper", "System.CommandLine", "Spectre.Console", "ScottPlot", "SkiaSharp", "SkiaSharp.NativeAssets.Linux.NoDependencies"],
        ["Benchmarks"] = ["Training", "BenchmarkDotNet", "CsvHelper", "System.CommandLine", "ScottPlot", "SkiaSharp.NativeAssets.Linux.NoDependencies"],
    };

    internal static string Root { get; } = FindRoot();

    public static TheoryData<string> Floors => [.. Allowed.Keys];

    [Theory]
    [MemberData(nameof(Floors))]
    public void A_project_references_only_what_its_floor_may(string floor)
    {
        XDocument project = XDocument.Load(Path.Combine(Root, floor, $"TrigFlowNative.{floor}.csproj"));
        IEnumerable<string> references = project.Descendants()
            .Where(element => element.Name.LocalName is "ProjectReference" or "PackageReference")
            .Select(element => (string)element.Attribute("Include")!)
            .Select(include => include.StartsWith("../", StringComparison.Ordinal) ? include.Split('/')[1] : include);
        Findings.None(references.Except(Allowed[floor]));
    }

    [Fact]
    public void Every_op_is_in_the_catalogue_and_has_its_tests()
    {
        Type[] ops = [.. typeof(Ops).Assembly.GetExportedTypes().Where(type => type.IsAbstract && type.IsSealed && RecordsSteps(type))];
        Assert.NotEmpty(ops);
        Findings.None(ops.Except(Ops.All.Select(entry => entry.Type)).Select(type => type.Name));
        string[] tests = [.. typeof(ArchitectureTests).Assembly.GetTypes().Select(type => type.Name)];
        // Copy carries every case of the battery, so it is tested by all of them.
        Findings.None(Ops.All.Where(entry => entry.Type != typeof(Copy)).Select(entry => entry.Type.Name + "Tests").Except(tests));
    }

    [Fact]
    public void The_catalogue_is_in_alphabetical_order()
    {
        string[] names = [.. Ops.All.Select(entry => entry.Type.Name)];
        Assert.Equal(names.Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public void Kernels_are_static_and_take_only_what_ILGPU_passes_on()
    {
        MethodInfo[] kernels = [.. typeof(Ops).Assembly.GetTypes()
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .Where(method => method.Name.EndsWith("Kernel", StringComparison.Ordinal) && !method.IsDefined(typeof(CompilerGeneratedAttribute)))];
        Assert.NotEmpty(kernels);
        Assert.All(kernels, kernel =>
        {
            Assert.True(kernel.IsStatic && kernel.ReturnType == typeof(void), $"{kernel.DeclaringType!.Name}.{kernel.Name} is a static void method");
            Assert.All(kernel.GetParameters(), parameter =>
                Assert.True(parameter.ParameterType.IsValueType && parameter.ParameterType != typeof(bool), $"{kernel.Name}: {parameter.Name} is a {parameter.ParameterType.Name}"));
        });
    }

    /// <summary>The compiler checks every public member (CS1591); this holds the switches that make it stop the build.</summary>
    [Theory]
    [InlineData("Engine")]
    [InlineData("Kernels")]
    [InlineData("Models")]
    [InlineData("Training")]
    public void An_undocumented_public_member_stops_the_build(string floor)
    {
        string policy = File.ReadAllText(Path.Combine(Root, floor, $"TrigFlowNative.{floor}.csproj")) + File.ReadAllText(Path.Combine(Root, "Directory.Build.props"));
        Assert.Contains("<GenerateDocumentationFile>true", policy, StringComparison.Ordinal);
        Assert.Contains("<TreatWarningsAsErrors>true", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("1591", policy, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_can_be_read_at_one_sitting()
    {
        string[] sources = [.. Allowed.Keys.Append("Tests").SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories))];
        string[] built = [.. new[] { "bin", "obj" }.Select(name => $"{Path.DirectorySeparatorChar}{name}{Path.DirectorySeparatorChar}")];
        Findings.None(sources.Where(path => !built.Any(path.Contains) && File.ReadLines(path).Count() > LongestFile).Select(path => Path.GetRelativePath(Root, path)));
    }

    private static bool RecordsSteps(Type type) => type.GetMethods(BindingFlags.Public | BindingFlags.Static)
        .Any(method => method.GetParameters().FirstOrDefault()?.ParameterType == typeof(ComputeProgram));

    private static string FindRoot([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", ".."));
}
