using TrigFlowNative.Benchmarks.Cli;
using TrigFlowNative.Benchmarks.Inspect;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Benchmarks;

/// <summary>The output of inspect for a kernel, with NVIDIA's tools or without.</summary>
public sealed class InspectTests : IDisposable
{
    private const string Sass = """
        .text.kernel:
                /*0000*/                   LDC R1, c[0x0][0x28] ;
                /*0010*/               @P0 LDG.E.128 R4, desc[UR4][R2.64] ;
                /*0020*/              @!P1 LDG.E R8, desc[UR4][R2.64] ;
                /*0030*/             @UP2 UIADD3 UR4, UR4, 0x1, URZ ;
        .L_x_1:
                /*0040*/                   HGMMA.64x256x16.F32.BF16 R24, gdesc[UR8], R24, gsb0 ;
                /*0050*/                   STS.128 [R3], R4 ;
                /*0060*/                   EXIT ;
                /*1a2b0*/                  STL [R1], R4 ;
        """;

    private readonly TemporaryFolder folder = new();

    [Fact]
    public void Instructions_are_counted_with_and_without_their_modifiers()
    {
        Assert.Equal(
            [("EXIT", 1), ("HGMMA.64x256x16.F32.BF16", 1), ("LDC", 1), ("LDG.E", 1), ("LDG.E.128", 1), ("STL", 1), ("STS.128", 1), ("UIADD3", 1)],
            SassHistogram.Count(Sass).OrderBy(each => each.Instruction, StringComparer.Ordinal));
        IReadOnlyList<OpcodeCount> opcodes = SassHistogram.Opcodes(Sass);
        Assert.Equal(("LDG", 2, 25.0, "global memory"), (opcodes[0].Opcode, opcodes[0].Count, opcodes[0].SharePercent, opcodes[0].Kind));
        Assert.Equal(
            ["EXIT control", "HGMMA tensor cores", "LDC integer and other", "STL local memory", "STS shared memory", "UIADD3 integer and other"],
            opcodes.Skip(1).Select(each => $"{each.Opcode} {each.Kind}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_kernel_has_a_name_of_its_own_and_a_text()
    {
        string[] names = [.. InspectedKernel.All().Select(each => each.Name)];
        Assert.Equal(names.Distinct(), names);
        Assert.All(KernelCatalogue.WithInlinePtx(), spec => Assert.DoesNotContain("@@", spec.Compile().Text, StringComparison.Ordinal));
    }

    /// <summary>Listed are the entries of every family, attention on mma.sync included, which is compiled for sm_80.</summary>
    [Fact]
    public void Every_kernel_of_the_catalogue_is_listed()
    {
        string[] lines = Run(0, "inspect").Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(KernelCatalogue.WithInlinePtx().Count() + KernelCatalogue.Plain().Count(), lines.Length);
        Assert.All(KernelCatalogue.WithInlinePtx(), spec => Assert.Contains(lines, line => line.StartsWith(KernelCatalogue.NameOf(spec), StringComparison.Ordinal) && line.EndsWith($"({spec.Architecture})", StringComparison.Ordinal)));
        PtxKernelSpec[] attention = [.. KernelCatalogue.WithInlinePtx().Where(spec => spec.Method.DeclaringType!.FullName!.Contains("Attention", StringComparison.Ordinal))];
        Assert.Equal(["sm_80", "sm_90a"], attention.Select(spec => spec.Architecture).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_kernel_is_shown_or_written()
    {
        string names = Run(0, "inspect");
        Assert.Contains("WgmmaConvolution.Convolve/n256-c1 (sm_90a)", names, StringComparison.Ordinal);
        Assert.Contains("WgmmaAttention.OwnRows/d64-tangent (sm_90a)", names, StringComparison.Ordinal);
        Assert.DoesNotContain("MmaProduct.ForwardKernel (", names, StringComparison.Ordinal); // half a kernel: its inline PTX has yet to be filled in
        string shown = Run(0, "inspect", "Silu.ForwardKernel");
        Assert.Contains(".visible .entry", shown, StringComparison.Ordinal);
        string told = Run(0, "inspect", "*Convolve/n64-c1", "--out", folder.Path);
        Assert.Contains("384 threads", told, StringComparison.Ordinal);
        Assert.DoesNotContain(".visible .entry", told, StringComparison.Ordinal);
        Assert.Contains("wgmma.mma_async", File.ReadAllText(Path.Combine(folder.Path, "WgmmaConvolution.Convolve_n64-c1.ptx")), StringComparison.Ordinal);
        Assert.Equal(File.Exists(Path.Combine(folder.Path, "WgmmaConvolution.Convolve_n64-c1.sass")), CudaTool.Find("ptxas") is not null && CudaTool.Find("nvdisasm") is not null);
        Run(2, "inspect", "no-such-kernel");
    }

    [Fact]
    public void A_tool_that_fails_says_so()
    {
        if (OperatingSystem.IsWindows())
            return;
        Assert.Contains("out", CudaTool.Run("/bin/sh", "-c", "echo out; echo err >&2"), StringComparison.Ordinal);
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => CudaTool.Run("/bin/sh", "-c", "echo why >&2; exit 3"));
        Assert.Contains("sh ended with 3: why", e.Message, StringComparison.Ordinal);
        Assert.Null(CudaTool.Find("no-such-tool"));
    }

    public void Dispose() => folder.Dispose();

    private static string Run(int code, params string[] arguments)
    {
        (TextWriter output, TextWriter errors) = (Console.Out, Console.Error);
        using var printed = new StringWriter();
        Console.SetOut(printed);
        Console.SetError(TextWriter.Null);
        try
        {
            Assert.Equal(code, Verbs.Run(arguments));
            return printed.ToString();
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }
}
