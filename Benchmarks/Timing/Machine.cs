using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>The machine and the build that measure, in one line, and the load at the start.</summary>
/// <param name="Description">Processor, logical processors, vectors, memory, operating system, runtime, commit.</param>
/// <param name="Load">Processes that ran or waited, averaged over the last minute; null where the system does not say.</param>
internal sealed record Machine(string Description, double? Load)
{
    /// <summary>Describes this machine now.</summary>
    public static Machine Now() => new(string.Join(", ", Parts()), ReadLoad());

    /// <summary>The commit of a build as its version names it, abbreviated; "unknown" for a build outside of a repository.</summary>
    internal static string CommitOf(string? version) => version?.Split('+') is [_, { Length: >= 7 } commit] ? commit[..Math.Min(10, commit.Length)] : "unknown";

    /// <summary>The first value of a key of /proc/cpuinfo; null if there is none.</summary>
    internal static string? ValueOf(string text, string key) =>
        text.Split('\n').Select(line => line.Split(':', 2)).FirstOrDefault(pair => pair.Length == 2 && pair[0].Trim() == key)?[1].Trim();

    private static IEnumerable<string> Parts()
    {
        yield return Processor();
        yield return $"{Environment.ProcessorCount} logical processors";
        yield return $"{(Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128)}-bit vectors";
        yield return string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1L << 30):F0} GiB");
        yield return $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}";
        yield return RuntimeInformation.FrameworkDescription;
        yield return $"commit {CommitOf(typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion)}";
    }

    /// <summary>Name of the processor by the operating system, or by the processor itself.</summary>
    private static string Processor()
    {
        if (TryRead("/proc/cpuinfo") is { } text && (ValueOf(text, "model name") ?? ValueOf(text, "Model")) is { Length: > 0 } model)
            return model;
        if (!X86Base.IsSupported)
            return Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER") ?? $"{RuntimeInformation.ProcessArchitecture}";
        var name = new List<byte>();
        for (int leaf = unchecked((int)0x80000002); leaf <= unchecked((int)0x80000004); leaf++)
        {
            (int a, int b, int c, int d) = X86Base.CpuId(leaf, 0);
            foreach (int part in (int[])[a, b, c, d])
                name.AddRange(BitConverter.GetBytes(part));
        }

        return System.Text.Encoding.ASCII.GetString([.. name]).TrimEnd('\0').Trim();
    }

    private static double? ReadLoad() =>
        TryRead("/proc/loadavg")?.Split(' ') is [var minute, ..] && double.TryParse(minute, CultureInfo.InvariantCulture, out double load) ? load : null;

    private static string? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
