using TrigFlowNative.Benchmarks.Features;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>All families, and the cases of a scope, a name or a file.</summary>
public static class BenchmarkSuite
{
    /// <summary>Every family, in the order of tables. A new family is one line here.</summary>
    public static IReadOnlyList<CaseFamily> Families { get; } =
    [
        ProductCase.Matrices,
        ProductCase.Convolutions,
        AttentionCase.Kind,
        NormCase.Kind,
        NormCase.Plain,
        PixelNormCase.Kind,
        WeightNormCase.Kind,
        MagnitudeNormCase.Kind,
        ModulatedNormCase.Kind,
        ElementwiseCase.Kind,
        JoinedSiluCase.Kind,
        ClampCase.Kind,
        ResampleCase.Kind,
        RandomCase.Kind,
        OptimizerCase.Kind,
        CopyCase.Kind,
        LaunchCase.Kind,
        FeedCase.Kind,
        StepCase.Kind,
        SampleCase.Kind,
        FeatureCase.Kind,
        StartupCase.Kind,
    ];

    /// <summary>The cases of a scope, each once.</summary>
    /// <exception cref="UsageException">There is no such preset.</exception>
    public static IEnumerable<SuiteCase> Cases(SuiteScope scope) => Families.SelectMany(family => family.Cases(scope));

    /// <summary>Returns the case named op/direction/shape; for op/shape or op/*/shape, the cases of all directions.</summary>
    /// <exception cref="UsageException">The name has another form, or there is no such family, direction or shape.</exception>
    public static IEnumerable<SuiteCase> Named(string name, DType type)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] parts = name.Split('/');
        if (parts.Length is not (2 or 3))
            throw new UsageException($"'{name}' is neither op/shape nor op/direction/shape");
        CaseFamily family = Find(parts[0]);
        return parts.Length == 2 || parts[1] == "*"
            ? family.Parse(parts[^1], type)
            : [family.Parse(parts[2], parts[1], type)];
    }

    /// <summary>Reads the cases of a CSV file with the columns op, direction and shape; an empty direction means all directions.</summary>
    /// <exception cref="UsageException">There is no such file, or a line does not name a case; the message names file and line.</exception>
    public static IEnumerable<SuiteCase> FromFile(string path, DType type)
    {
        int line = 1;
        foreach (CaseRow row in CsvTable.Read<CaseRow>(path))
        {
            line++;
            SuiteCase[] cases;
            try
            {
                cases = [.. Named(row.Direction.Length > 0 ? $"{row.Op}/{row.Direction}/{row.Shape}" : $"{row.Op}/{row.Shape}", type)];
            }
            catch (UsageException e)
            {
                throw new UsageException($"{path}, line {line}: {e.Message}");
            }

            foreach (SuiteCase each in cases)
                yield return each;
        }
    }

    private static CaseFamily Find(string name) => Families.FirstOrDefault(family => family.Name == name)
        ?? throw new UsageException($"there is no family '{name}'; there are {string.Join(", ", Families.Select(family => family.Name))}");
}
