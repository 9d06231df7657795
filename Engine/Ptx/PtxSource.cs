using System.Globalization;
using System.Reflection;
using System.Text;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// The PTX text of a C# kernel with inline PTX. ILGPU compiles the method; this class expands the macros in its inline PTX, names the architecture,
/// and declares dynamic shared memory and the number of threads, which ILGPU cannot.
/// </summary>
/// <remarks>
/// A macro is a line of inline PTX that starts with two at-signs: CudaAsm.Emit("@@mma %0, %1;", a, b) becomes the text of the macro mma, with $0 and
/// $1 replaced by the two registers. So one C# method serves many tile shapes: its control flow is C#, and the text of its hot lines is generated.
/// </remarks>
public static class PtxSource
{
    /// <summary>Name of the dynamic shared memory in inline PTX; aligned to 1024 bytes, as swizzled tiles need.</summary>
    public const string SharedMemory = "dynsmem";

    /// <summary>Waits for the end of the previous launch: nothing before it in a kernel may touch memory that launches share.</summary>
    public const string Wait = "griddepcontrol.wait;";

    /// <summary>Architecture for which ILGPU compiles; the text then names the real one.</summary>
    internal static CudaArchitecture Language => CudaArchitecture.SM_80;

    /// <summary>Compiles a static, explicitly grouped kernel method; no GPU is needed.</summary>
    /// <param name="kernel">Method that takes numbers or a struct of numbers: views and pointers are passed as <see cref="long"/> addresses.</param>
    /// <param name="architecture">Target of the text, such as sm_90a or sm_80.</param>
    /// <param name="threads">Threads in a block.</param>
    /// <param name="macros">Text of each macro by name; lines are separated by line feeds.</param>
    /// <param name="minResidentBlocks">Number of blocks that a multiprocessor must be able to hold, which limits registers; 0 leaves the choice to the compiler.</param>
    /// <returns>The text, and the name of its entry.</returns>
    /// <exception cref="ArgumentException">The method uses a macro that is not given.</exception>
    /// <exception cref="ILGPU.InternalCompilerException">The method contains something that ILGPU cannot compile.</exception>
    public static (string Text, string Entry) Compile(
        MethodInfo kernel, string architecture, int threads, IReadOnlyDictionary<string, string> macros, int minResidentBlocks = 0)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(macros);
        return Complete(IlgpuPtx.Compile(kernel, Language), kernel, architecture, threads, macros, minResidentBlocks);
    }

    /// <summary>Completes a text into which ILGPU compiled the method, perhaps in another process.</summary>
    internal static (string Text, string Entry) Complete(
        (string Text, string Entry) made, MethodInfo kernel, string architecture, int threads, IReadOnlyDictionary<string, string> macros, int minResidentBlocks)
    {
        (string text, string entry) = made;
        var result = new StringBuilder(text.Length);
        foreach (string line in text.Split('\n'))
        {
            string trimmed = line.Trim();
            if (trimmed.StartsWith(".version", StringComparison.Ordinal))
                result.Append(".version 8.0\n"); // the first with wgmma; ILGPU names the newest that it knows
            else if (trimmed.StartsWith(".target", StringComparison.Ordinal))
                result.Append(CultureInfo.InvariantCulture, $".target {architecture}\n");
            else if (trimmed.StartsWith(".visible .entry", StringComparison.Ordinal))
                result.Append(CultureInfo.InvariantCulture, $".extern .shared .align 1024 .b8 {SharedMemory}[];\n{line}\n");
            else if (trimmed.StartsWith("@@", StringComparison.Ordinal))
                Expand(kernel, trimmed, macros, result);
            else
                result.Append(line).Append('\n');
        }

        string complete = WithThreads(result.ToString(), entry, threads, minResidentBlocks);
        return (OverlapsLaunches(architecture) ? WithOverlap(complete, entry) : complete, entry);
    }

    /// <summary>Size in bytes of an entry's first parameter in the text, a number or a struct; 0 if it has none.</summary>
    internal static int ParameterBytes(string text, string entry)
    {
        ReadOnlySpan<char> rest = text.AsSpan(text.IndexOf(".entry " + entry, StringComparison.Ordinal));
        ReadOnlySpan<char> parameters = rest[..rest.IndexOf(')')];
        int start = parameters.IndexOf(".param", StringComparison.Ordinal);
        if (start < 0)
            return 0;
        ReadOnlySpan<char> first = parameters[start..].Trim(); // .param .b64 _x or .param .align 8 .b8 _a[232]
        int end = first.IndexOfAny(',', '\n');
        first = end < 0 ? first : first[..end];
        ReadOnlySpan<char> type = first[(first.LastIndexOf('.') + 2)..];
        int bits = int.Parse(type[..type.IndexOf(' ')], CultureInfo.InvariantCulture), open = type.IndexOf('[');
        return bits / 8 * (open < 0 ? 1 : int.Parse(type[(open + 1)..type.IndexOf(']')], CultureInfo.InvariantCulture));
    }

    /// <summary>Whether a kernel for an architecture may be launched before the previous one has ended.</summary>
    internal static bool OverlapsLaunches(string architecture) => architecture == "sm_90a";

    /// <summary>Replaces a line "@@name a, b;" by the macro's text.</summary>
    private static void Expand(MethodInfo kernel, string line, IReadOnlyDictionary<string, string> macros, StringBuilder target)
    {
        string call = line.TrimEnd(';')[2..];
        int space = call.IndexOf(' ', StringComparison.Ordinal);
        string name = space < 0 ? call : call[..space];
        string[] arguments = space < 0 ? [] : call[(space + 1)..].Split(',', StringSplitOptions.TrimEntries);
        if (!macros.TryGetValue(name, out string? body))
            throw new ArgumentException($"{kernel.DeclaringType?.Name}.{kernel.Name}: the macro {name} is not given");
        for (int i = arguments.Length - 1; i >= 0; i--)
            body = body.Replace("$" + i.ToString(CultureInfo.InvariantCulture), arguments[i], StringComparison.Ordinal);
        target.Append(body).Append('\n');
    }

    /// <summary>Puts the numbers of threads and resident blocks between the entry's parameters and its body.</summary>
    private static string WithThreads(string text, string entry, int threads, int minResidentBlocks)
    {
        int body = text.IndexOf('{', text.IndexOf(".entry " + entry, StringComparison.Ordinal));
        return text[..body] + string.Create(CultureInfo.InvariantCulture, $".maxntid {threads}, 1, 1\n{(minResidentBlocks > 0 ? $".minnctapersm {minResidentBlocks}\n" : "")}") + text[body..];
    }

    /// <summary>
    /// Lets the next launch begin early, and waits for the end of the previous one, whose results are then visible (programmatic dependent launch).
    /// Blocks of both are on the device at the same time, so that the end of the previous kernel hides the cost of the launch. A kernel whose
    /// preparations need no earlier result contains <see cref="Wait"/> itself.
    /// </summary>
    private static string WithOverlap(string text, string entry)
    {
        int body = 1 + text.IndexOf('{', text.IndexOf(".entry " + entry, StringComparison.Ordinal));
        return text[..body] + $"\ngriddepcontrol.launch_dependents;\n{(text.Contains(Wait, StringComparison.Ordinal) ? "" : Wait + "\n")}" + text[body..];
    }
}
