using System.Text.RegularExpressions;
using TrigFlowNative.Benchmarks.Tables;

namespace TrigFlowNative.Benchmarks.Inspect;

/// <summary>Counts the instructions in a kernel's machine code, as nvdisasm or cuobjdump print it.</summary>
internal static partial class SassHistogram
{
    /// <summary>Kinds of instructions by the first letters of their names; an instruction has the first kind that matches.</summary>
    private static readonly (string Kind, string[] Names)[] Kinds =
    [
        ("tensor cores", ["HGMMA", "IGMMA", "QGMMA", "HMMA", "IMMA", "DMMA", "WARPGROUP"]),
        ("bulk copies", ["UTMA", "UBLKCP", "UBLKPF", "UTMACMDFLUSH"]),
        ("barriers", ["SYNCS", "BAR", "UCGABAR", "DEPBAR", "LDGDEPBAR", "MEMBAR", "FENCE", "ERRBAR", "WARPSYNC", "ACQBULK", "NANOSLEEP"]),
        ("shared memory", ["LDS", "STS", "LDSM", "STSM", "ATOMS"]),
        ("global memory", ["LDG", "STG", "LD", "ST", "RED", "ATOM", "CCTL", "PREFETCH"]),
        ("local memory", ["LDL", "STL"]),
        ("fp32", ["FFMA", "FADD", "FMUL", "FSETP", "FSEL", "FMNMX", "MUFU", "FSWZADD"]),
        ("fp64", ["DFMA", "DADD", "DMUL", "DSETP"]),
        ("packed and conversions", ["HFMA2", "HADD2", "HMUL2", "F2F", "F2I", "I2F", "PRMT", "I2FP", "F2FP"]),
        ("control", ["BRA", "EXIT", "RET", "CALL", "BSSY", "BSYNC", "BREAK", "NOP", "YIELD", "WARPSYNC", "PREEXIT", "USETMAXREG"]),
    ];

    /// <summary>Counts instructions with their modifiers, such as HGMMA.64x256x16.F32.BF16, in descending order.</summary>
    public static IReadOnlyList<(string Instruction, int Count)> Count(string sass) =>
    [
        .. Line().Matches(sass).Select(match => match.Groups["name"].Value).GroupBy(name => name)
            .Select(group => (group.Key, group.Count())).OrderByDescending(each => each.Item2).ThenBy(each => each.Key, StringComparer.Ordinal),
    ];

    /// <summary>Counts instructions without their modifiers, in descending order.</summary>
    public static IReadOnlyList<OpcodeCount> Opcodes(string sass)
    {
        IReadOnlyList<(string Instruction, int Count)> counts = Count(sass);
        double total = counts.Sum(each => each.Count);
        return
        [
            .. counts.GroupBy(each => each.Instruction.Split('.')[0])
                .Select(group => new OpcodeCount { Opcode = group.Key, Kind = KindOf(group.Key), Count = group.Sum(each => each.Count), SharePercent = 100 * group.Sum(each => each.Count) / total })
                .OrderByDescending(each => each.Count).ThenBy(each => each.Opcode, StringComparer.Ordinal),
        ];
    }

    /// <summary>A table by kind, followed by one by opcode.</summary>
    public static string Tables(string sass)
    {
        IReadOnlyList<OpcodeCount> opcodes = Opcodes(sass);
        var kinds = new MarkdownTable("kind", "instructions", "share %");
        foreach (IGrouping<string, OpcodeCount> kind in opcodes.GroupBy(each => each.Kind).OrderByDescending(kind => kind.Sum(each => each.Count)))
            kinds.Add(kind.Key, kind.Sum(each => each.Count), kind.Sum(each => each.SharePercent));
        var table = new MarkdownTable("opcode", "kind", "instructions", "share %");
        foreach (OpcodeCount each in opcodes)
            table.Add(each.Opcode, each.Kind, each.Count, each.SharePercent);
        return $"{kinds}\n{table}";
    }

    private static string KindOf(string opcode) =>
        Kinds.FirstOrDefault(kind => kind.Names.Any(name => name is "LD" or "ST" ? opcode == name : opcode.StartsWith(name, StringComparison.Ordinal))).Kind ?? "integer and other";

    /// <summary>Matches a line: an address in a comment, an optional predicate, the instruction.</summary>
    [GeneratedRegex(@"/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?(?<name>[A-Z][A-Z0-9_]*(?:\.[A-Za-z0-9_]+)*)")]
    private static partial Regex Line();
}

/// <summary>The number of times that an instruction occurs in a kernel.</summary>
internal sealed record OpcodeCount
{
    [CsvHelper.Configuration.Attributes.Name("opcode")]
    public string Opcode { get; init; } = "";

    [CsvHelper.Configuration.Attributes.Name("kind")]
    public string Kind { get; init; } = "";

    [CsvHelper.Configuration.Attributes.Name("instructions")]
    public int Count { get; init; }

    [CsvHelper.Configuration.Attributes.Name("share_percent"), CsvHelper.Configuration.Attributes.Format("0.##")]
    public double SharePercent { get; init; }
}
