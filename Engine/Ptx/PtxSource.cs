using System.Globalization;
using System.Reflection;
using System.Text;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// The PTX text of a C# kernel that holds inline PTX. ILGPU compiles the method; this expands the macros in its inline PTX,
/// names the architecture, and declares what ILGPU has no words for: dynamic shared memory and the number of threads.
/// </summary>
/// <remarks>
/// A macro is a line of inline PTX that starts with two at-signs: CudaAsm.Emit("@@mma %0, %1;", a, b) becomes the text of
/// the macro mma with $0 and $1 replaced by the two registers. So one C# method serves many tile shapes: its text is
/// generated, its control flow is C#. Shared memory is named dynsmem.
/// </remarks>
public static class PtxSource
{
    /// <summary>The name by which inline PTX knows the dynamic shared memory; aligned to 1024 bytes, as swizzled tiles need.</summary>
    public const string SharedMemory = "dynsmem";

    /// <summary>Waits for the end of the launch before: nothing that precedes it in a kernel may read or write what launches share.</summary>
    public const string Wait = "griddepcontrol.wait;";

    /// <summary>What ILGPU compiles for; the architecture is named afterwards.</summary>
    internal static CudaArchitecture Language => CudaArchitecture.SM_80;

    /// <summary>Compiles a static, explicitly grouped kernel method; no GPU is needed.</summary>
    /// <param name="kernel">A method whose parameters are numbers: views and pointers travel as <see cref="long"/> addresses.</param>
    /// <param name="architecture">What the text is for, such as sm_90a or sm_80.</param>
    /// <param name="threads">Threads in a block.</param>
    /// <param name="macros">Text of each macro used, by name; lines are separated by line feeds.</param>
    /// <param name="resident">Blocks that a multiprocessor must be able to hold, which limits registers; 0 to leave that to the compiler.</param>
    /// <returns>The text, and the name of its entry.</returns>
    /// <exception cref="ArgumentException">A macro is used but not given.</exception>
    public static (string Text, string Entry) Compile(
        MethodInfo kernel, string architecture, int threads, IReadOnlyDictionary<string, string> macros, int resident = 0)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        ArgumentNullException.ThrowIfNull(macros);
        return Complete(IlgpuPtx.Compile(kernel, Language), kernel, architecture, threads, macros, resident);
    }

    /// <summary>The same from the text that ILGPU made of the method, perhaps in another process.</summary>
    internal static (string Text, string Entry) Complete(
        (string Text, string Entry) made, MethodInfo kernel, string architecture, int threads, IReadOnlyDictionary<string, string> macros, int resident)
    {
        (string text, string entry) = made;
        var result = new StringBuilder(text.Length);
        foreach (string line in text.Split('\n'))
        {
            string trimmed = line.Trim();
            if (trimmed.StartsWith(".version", StringComparison.Ordinal))
                result.Append(".version 8.0\n"); // the first with wgmma; ILGPU names the newest it knows
            else if (trimmed.StartsWith(".target", StringComparison.Ordinal))
                result.Append(CultureInfo.InvariantCulture, $".target {architecture}\n");
            else if (trimmed.StartsWith(".visible .entry", StringComparison.Ordinal))
                result.Append(CultureInfo.InvariantCulture, $".extern .shared .align 1024 .b8 {SharedMemory}[];\n{line}\n");
            else if (trimmed.StartsWith("@@", StringComparison.Ordinal))
                Expand(kernel, trimmed, macros, result);
            else
                result.Append(line).Append('\n');
        }

        string complete = WithThreads(result.ToString(), entry, threads, resident);
        return (OverlapsLaunches(architecture) ? WithOverlap(complete, entry) : complete, entry);
    }

    /// <summary>Bytes of an entry's first parameter in the text, where that is a struct; else 0.</summary>
    internal static int ParameterBytes(string text, string entry)
    {
        int start = text.IndexOf(".param", text.IndexOf(".entry " + entry, StringComparison.Ordinal), StringComparison.Ordinal);
        int open = text.IndexOf('[', start), close = text.IndexOf(']', start), end = text.IndexOf('\n', start);
        return open < 0 || open > end ? 0 : int.Parse(text.AsSpan(open + 1, close - open - 1), CultureInfo.InvariantCulture);
    }

    /// <summary>Whether kernels for an architecture may be launched before the kernel ahead of them has ended.</summary>
    internal static bool OverlapsLaunches(string architecture) => architecture == "sm_90a";

    /// <summary>Replaces a line @@name a, b; by the macro's text.</summary>
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

    /// <summary>Puts the directives between the entry's parameters and its body.</summary>
    private static string WithThreads(string text, string entry, int threads, int resident)
    {
        int body = text.IndexOf('{', text.IndexOf(".entry " + entry, StringComparison.Ordinal));
        return text[..body] + string.Create(CultureInfo.InvariantCulture, $".maxntid {threads}, 1, 1\n{(resident > 0 ? $".minnctapersm {resident}\n" : "")}") + text[body..];
    }

    /// <summary>
    /// Lets the next launch begin, and waits for the end of the one before, whose results are visible then: blocks of both are on the
    /// device at a time, and the time of a launch passes while the one before ends (programmatic dependent launch). A kernel that has
    /// something to prepare first waits in its own text, <see cref="Wait"/>.
    /// </summary>
    private static string WithOverlap(string text, string entry)
    {
        int body = 1 + text.IndexOf('{', text.IndexOf(".entry " + entry, StringComparison.Ordinal));
        return text[..body] + $"\ngriddepcontrol.launch_dependents;\n{(text.Contains(Wait, StringComparison.Ordinal) ? "" : Wait + "\n")}" + text[body..];
    }
}
