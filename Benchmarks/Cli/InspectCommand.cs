using System.CommandLine;
using System.Text;
using TrigFlowNative.Benchmarks.Inspect;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>inspect: prints a kernel's PTX, its resources and, where NVIDIA's tools are installed, its machine code.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string?> Kernel = new("kernel")
    {
        Description = "Name of a kernel, or a pattern such as '*Convolve/n256*'; without it, the names of all kernels are listed.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> NoPtx = new("--no-ptx") { Description = "Do not print the PTX." };
    private static readonly Option<bool> Sass = new("--sass") { Description = "Print the machine code, and not only the counts of its instructions." };
    private static readonly Option<string?> Out = new("--out") { Description = "Folder for each kernel's PTX, machine code and histogram; then only the resources are printed." };

    public static Command Create()
    {
        var command = new Command("inspect", "Prints a kernel's PTX and resources and, where ptxas and nvdisasm are installed, counts its machine instructions; needs no GPU. Without a name it lists every kernel: products and attention on wgmma and mma.sync, norms, and all others.") { Kernel, NoPtx, Sass, Out };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        if (parsed.GetValue(Kernel) is not { } pattern)
        {
            foreach (InspectedKernel each in InspectedKernel.All())
                Console.WriteLine($"{each.Name} ({each.Architecture})");
            return 0;
        }

        InspectedKernel[] kernels = [.. InspectedKernel.All().Where(each => each.Matches(pattern))];
        if (kernels.Length == 0)
            throw new UsageException($"no kernel matches '{pattern}'; inspect without a name lists all");
        using GpuDevice? gpu = CudaLibrary.WhyUnavailable() is null ? GpuDevice.OpenCuda() : null;
        foreach (InspectedKernel each in kernels)
            Inspect(each, gpu, parsed);
        return 0;
    }

    private static void Inspect(InspectedKernel kernel, GpuDevice? gpu, ParseResult parsed)
    {
        string text = kernel.Text();
        string? folder = parsed.GetValue(Out);
        Console.WriteLine($"== {kernel.Name} for {kernel.Architecture}");
        foreach (string line in new[] { kernel.Launch(), kernel.Resources(gpu) }.Where(line => line.Length > 0))
            Console.WriteLine(line);
        string? sass = MachineCode(kernel, text);
        if (folder is not null)
            Write(Path.Combine(folder, FileName(kernel)), text, sass);
        else
            Print(text, sass, !parsed.GetValue(NoPtx), parsed.GetValue(Sass));
    }

    private static void Print(string text, string? sass, bool ptx, bool code)
    {
        if (ptx)
            Console.WriteLine(text);
        if (sass is null)
            return;
        if (code)
            Console.WriteLine(sass);
        Console.WriteLine(SassHistogram.Tables(sass));
    }

    private static void Write(string path, string text, string? sass)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.WriteAllBytes(path + ".ptx", Encoding.UTF8.GetBytes(text));
        if (sass is null)
            return;
        AtomicFile.WriteAllBytes(path + ".sass", Encoding.UTF8.GetBytes(sass));
        CsvTable.Write(path + ".histogram.csv", SassHistogram.Opcodes(sass));
    }

    /// <summary>Assembles the text and disassembles the result. If a tool is missing or fails, prints the reason and returns null.</summary>
    private static string? MachineCode(InspectedKernel kernel, string text)
    {
        string? assembler = CudaTool.Find("ptxas"), disassembler = CudaTool.Find("nvdisasm");
        if (assembler is null)
        {
            Console.WriteLine("ptxas is not installed: no machine code");
            return null;
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("trigflow-inspect-");
        try
        {
            string source = Path.Combine(folder.FullName, "kernel.ptx"), binary = Path.Combine(folder.FullName, "kernel.cubin");
            File.WriteAllText(source, text);
            foreach (string line in CudaTool.Run(assembler, $"-arch={kernel.Architecture}", "-v", source, "-o", binary).Split('\n').Where(line => line.Contains("Used", StringComparison.Ordinal) || line.Contains("spill", StringComparison.Ordinal)))
                Console.WriteLine(line.Trim());
            if (disassembler is not null)
                return CudaTool.Run(disassembler, "-c", binary);
            Console.WriteLine("nvdisasm is not installed: no machine code");
            return null;
        }
        catch (InvalidOperationException e)
        {
            Console.WriteLine(e.Message.ReplaceLineEndings(" ")); // for example, the assembler may be too old for the text
            return null;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string FileName(InspectedKernel kernel) => string.Concat(kernel.Name.Select(c => char.IsLetterOrDigit(c) || c is '-' or '.' ? c : '_'));
}
