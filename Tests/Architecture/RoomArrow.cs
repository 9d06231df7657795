using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TrigFlowNative.Tests;

/// <summary>An arrow from a source file of a room to a room that it names something of; rooms are folders of one project, "" for its root.</summary>
/// <param name="File">The file, from the project's folder on.</param>
/// <param name="From">The file's room.</param>
/// <param name="To">The other room.</param>
/// <param name="Name">The first name by which the file refers to it.</param>
public sealed record RoomArrow(string File, string From, string To, string Name)
{
    private static readonly string[] Implicit =
        ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Net.Http", "System.Threading", "System.Threading.Tasks"];

    /// <summary>All arrows of a project, as the compiler binds its names; each pair of file and room once.</summary>
    /// <param name="projectFolder">Where its sources lie.</param>
    /// <param name="library">The project's assembly, with whose references the sources are compiled.</param>
    /// <param name="globalUsings">Those that its project file names.</param>
    public static IReadOnlyList<RoomArrow> Of(string projectFolder, Assembly library, params IEnumerable<string> globalUsings)
    {
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        SyntaxTree[] trees =
        [
            .. Sources(projectFolder).Select(path => CSharpSyntaxTree.ParseText(System.IO.File.ReadAllText(path), options, path)),
            CSharpSyntaxTree.ParseText(string.Concat(Implicit.Concat(globalUsings).Select(name => $"global using {name};\n")), options, ""),
        ];
        string name = Path.GetFileName(projectFolder);
        OutputKind kind = System.IO.File.Exists(Path.Combine(projectFolder, "Program.cs")) ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary;
        var present = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .DistinctBy(Path.GetFileNameWithoutExtension).ToDictionary(path => Path.GetFileNameWithoutExtension(path)!);
        HashSet<string> used = [];
        AddUsed(library, used, present);
        var compilation = CSharpCompilation.Create(
            $"TrigFlowNative.{name}", trees, used.Select(each => MetadataReference.CreateFromFile(present[each])),
            new CSharpCompilationOptions(kind, allowUnsafe: true, metadataImportOptions: MetadataImportOptions.All));
        return [.. trees[..^1].AsParallel().AsOrdered().SelectMany(tree => OfFile(projectFolder, compilation.GetSemanticModel(tree)))];
    }

    /// <summary>The folder of a file within a project.</summary>
    public static string RoomOf(string projectFolder, string path) =>
        Path.GetRelativePath(projectFolder, Path.GetDirectoryName(path)!).Replace(Path.DirectorySeparatorChar, '/') is var room && room == "." ? "" : room;

    /// <summary>A project's sources, without generated files.</summary>
    public static IEnumerable<string> Sources(string projectFolder) => Directory.EnumerateFiles(projectFolder, "*.cs", SearchOption.AllDirectories)
        .Where(path => Path.GetRelativePath(projectFolder, path).Split(Path.DirectorySeparatorChar)[0] is not ("bin" or "obj"))
        .Order(StringComparer.Ordinal);

    /// <summary>Adds the assemblies that one refers to, however far away, where they are present.</summary>
    private static void AddUsed(Assembly library, HashSet<string> used, Dictionary<string, string> present)
    {
        foreach (AssemblyName name in library.GetReferencedAssemblies())
            if (present.ContainsKey(name.Name!) && used.Add(name.Name!))
                AddUsed(Assembly.Load(name), used, present);
    }

    private static IEnumerable<RoomArrow> OfFile(string projectFolder, SemanticModel model)
    {
        string path = model.SyntaxTree.FilePath, from = RoomOf(projectFolder, path);
        HashSet<string> seen = [from];
        foreach (SimpleNameSyntax name in model.SyntaxTree.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
        {
            SymbolInfo info = model.GetSymbolInfo(name);
            if ((info.Symbol ?? info.CandidateSymbols.FirstOrDefault()) is { } symbol && FileOf(symbol) is { } file && seen.Add(RoomOf(projectFolder, file)))
                yield return new RoomArrow(Path.GetRelativePath(projectFolder, path), from, RoomOf(projectFolder, file), name.ToString());
        }
    }

    /// <summary>Where a type or a member is declared; a type of several files where its name is the file's.</summary>
    private static string? FileOf(ISymbol symbol)
    {
        if (symbol is not (INamedTypeSymbol or IMethodSymbol or IPropertySymbol or IFieldSymbol or IEventSymbol))
            return null;
        if (symbol is IMethodSymbol { ReducedFrom: { } extension })
            symbol = extension;
        string[] files = [.. symbol.OriginalDefinition.DeclaringSyntaxReferences.Select(reference => reference.SyntaxTree.FilePath)];
        return files.FirstOrDefault(path => Path.GetFileNameWithoutExtension(path) == symbol.Name) ?? files.FirstOrDefault();
    }
}
