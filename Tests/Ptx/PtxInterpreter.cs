using System.Globalization;
using System.Text.RegularExpressions;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// Runs the PTX text of a kernel on the host, a thread at a time, so that kernels with inline PTX are tested without a GPU: what
/// arithmetic, barriers, clusters and asynchronous copies do, not how fast. Knows the instructions that the kernels tested use.
/// </summary>
/// <remarks>
/// Copies arrive when they are waited for and no earlier; shared memory starts as NaN; misaligned accesses throw; between
/// barriers threads run in a random order, one after the other, so that a missing barrier shows.
/// </remarks>
internal sealed partial class PtxInterpreter
{
    /// <summary>Where the dynamic shared memory begins: at 1024, as on sm_90.</summary>
    public const int SharedStart = 1024;

    private readonly Dictionary<string, int> labels = [];

    public PtxInterpreter(string text)
    {
        Parameters = [.. ParameterName().Matches(text).Select(match => match.Groups[1].Value)];
        var code = new List<PtxInstruction>();
        foreach (string line in text[text.IndexOf('{', text.IndexOf(".maxntid", StringComparison.Ordinal))..].Split('\n').Select(line => line.Trim()))
        {
            if (line.EndsWith(':'))
                labels[line[..^1]] = code.Count;
            else if (line.EndsWith(';') && !line.StartsWith('.'))
                code.Add(new PtxInstruction(line));
        }

        Code = code;
    }

    public IReadOnlyList<PtxInstruction> Code { get; }

    public IReadOnlyList<string> Parameters { get; }

    public int Target(string label) => labels[label];

    /// <summary>Runs every block of a launch; clusters one after the other, the blocks of one together.</summary>
    /// <param name="spec">The kernel.</param>
    /// <param name="blocks">Blocks of the grid.</param>
    /// <param name="memory">Global memory, whose addresses the arguments hold.</param>
    /// <param name="arguments">As the method's parameters; fp32 numbers by their bits.</param>
    public static void Launch(PtxKernelSpec spec, int blocks, byte[] memory, params ulong[] arguments)
    {
        var kernel = new PtxInterpreter(spec.Compile().Text);
        Assert(kernel.Parameters.Count == arguments.Length, "the number of arguments");
        var random = new Random(1);
        for (int first = 0; first < blocks; first += spec.Cluster)
        {
            byte[][] shared = [.. Enumerable.Range(0, spec.Cluster).Select(_ => Enumerable.Repeat((byte)0xFF, SharedStart + spec.SharedBytes).ToArray())];
            PtxThread[] threads = [.. from rank in Enumerable.Range(0, spec.Cluster)
                                      from lane in Enumerable.Range(0, spec.Threads)
                                      select new PtxThread(kernel, memory, shared, rank, lane, first + rank, spec.Threads, arguments)];
            while (threads.Any(thread => thread.At != PtxStop.End))
            {
                random.Shuffle(threads);
                foreach (PtxThread thread in threads)
                    thread.Run();
                foreach (IGrouping<int, PtxThread> block in threads.GroupBy(thread => thread.Rank))
                {
                    Assert(block.Any(thread => thread.At != PtxStop.Barrier) == block.All(thread => thread.At != PtxStop.Barrier), "a barrier that not all reach");
                    Assert(block.Select(thread => thread.Stopped).Distinct().Count() == 1, "threads wait at different places");
                }

                if (threads.Any(thread => thread.At == PtxStop.Cluster))
                    Assert(threads.All(thread => thread.Arrivals == threads[0].Arrivals), "a barrier of the cluster that not all reach");
            }
        }
    }

    public static void Assert(bool condition, string what)
    {
        if (!condition)
            throw new InvalidOperationException($"kernel: {what}");
    }

    [GeneratedRegex(@"\.param \.\w+ (\w+)")]
    private static partial Regex ParameterName();
}

/// <summary>Where a thread stands still.</summary>
internal enum PtxStop
{
    Barrier,
    Cluster,
    End,
}

/// <summary>A line of text, taken apart: predicate, name, and operands, of which {} and [] are one each.</summary>
internal sealed partial class PtxInstruction
{
    public PtxInstruction(string line)
    {
        Match match = Form().Match(line);
        PtxInterpreter.Assert(match.Success, line);
        (Unless, Predicate, Name) = (match.Groups[1].Value == "!", match.Groups[2].Value, match.Groups[3].Value);
        Operands = [.. Operand().Matches(match.Groups[4].Value).Select(operand => operand.Value)];
    }

    public bool Unless { get; }

    public string Predicate { get; }

    public string Name { get; }

    public string[] Operands { get; }

    public static string[] Parts(string operand) => operand.Trim('{', '}').Split(',', StringSplitOptions.TrimEntries);

    /// <summary>A number as PTX writes it, or null for a register.</summary>
    public static ulong? Number(string operand)
    {
        if (operand.StartsWith("0f", StringComparison.OrdinalIgnoreCase) || operand.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
            return ulong.Parse(operand.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        return char.IsAsciiDigit(operand[0]) || operand[0] == '-' ? (ulong)long.Parse(operand, CultureInfo.InvariantCulture) : null;
    }

    [GeneratedRegex(@"^(?:@(!?)(%?\w+)\s+)?([\w.:]+)\s*(.*);$")]
    private static partial Regex Form();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^,\s]+")]
    private static partial Regex Operand();
}
