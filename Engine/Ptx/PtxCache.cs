using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// The PTX texts of kernel methods, kept on disk between processes. A text depends on the methods that ILGPU compiled before it, so compiling again
/// may give another text, for which <see cref="CubinCache"/> and the driver's own cache, whose key is the text, would have no binary.
/// </summary>
/// <remarks>
/// The key is the method and the versions (MVIDs) of its assembly, of its type arguments' assemblies, and of all assemblies that these reference,
/// including ILGPU, so that a new build finds no old text. A damaged file is ignored, and its method compiled again.
/// </remarks>
internal static class PtxCache
{
    private const char Break = '\n';
    private static readonly ConcurrentDictionary<(MethodInfo, CudaArchitecture), (string Text, string Entry)> Known = [];
    private static readonly ConcurrentDictionary<Assembly, string> Versions = [];

    /// <inheritdoc cref="IlgpuPtx.Compile"/>
    public static (string Text, string Entry) Of(MethodInfo kernel, CudaArchitecture architecture) =>
        Known.GetOrAdd((kernel, architecture), key => Of(key.Item1, key.Item2, CubinCache.Folder()));

    /// <summary>Returns the text from a given folder, and does not keep it in memory.</summary>
    internal static (string Text, string Entry) Of(MethodInfo kernel, CudaArchitecture architecture, string folder)
    {
        string path = Path.Combine(folder, FileName(kernel, architecture, VersionsOf(kernel)));
        if (CubinCache.TryRead(path) is { } kept && Parsed(Encoding.UTF8.GetString(kept)) is { } known)
            return known;
        (string text, string entry) = IlgpuPtx.Compile(kernel, architecture);
        CubinCache.TryWrite(path, Encoding.UTF8.GetBytes(entry + Break + text));
        return (text, entry);
    }

    /// <summary>Name of the file that holds a method's text.</summary>
    internal static string FileName(MethodInfo kernel, CudaArchitecture architecture, string versions)
    {
        string method = $"{kernel.DeclaringType?.FullName}.{kernel}{Break}{string.Join(", ", kernel.GetGenericArguments().Select(type => type.AssemblyQualifiedName))}";
        string key = string.Join(Break, method, architecture, RuntimeInformation.FrameworkDescription, versions);
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..40] + ".ptx";
    }

    /// <summary>Versions of all assemblies whose code can be part of a kernel.</summary>
    internal static string VersionsOf(MethodInfo kernel) =>
        string.Join(Break, Assemblies([kernel.DeclaringType!, .. kernel.GetGenericArguments()]).Distinct().Select(each => Versions.GetOrAdd(each, VersionsOf)));

    private static IEnumerable<Assembly> Assemblies(IEnumerable<Type> types) =>
        types.SelectMany(type => Assemblies(type.GetGenericArguments()).Prepend(type.Assembly));

    /// <summary>Names and versions of an assembly and of all assemblies that it references, directly or not, except those of the framework.</summary>
    internal static string VersionsOf(Assembly assembly)
    {
        var found = new SortedDictionary<string, Guid>(StringComparer.Ordinal);
        Add(assembly);
        return string.Join(Break, found.Select(each => $"{each.Key} {each.Value}"));

        void Add(Assembly each)
        {
            if (!found.TryAdd(each.FullName!, each.ManifestModule.ModuleVersionId))
                return;
            foreach (AssemblyName name in each.GetReferencedAssemblies().Where(name => !IsFramework(name.Name!)))
            {
                if (TryLoad(name) is { } used)
                    Add(used);
                else
                    found.TryAdd(name.FullName, Guid.Empty); // a missing assembly is part of no kernel
            }
        }
    }

    private static Assembly? TryLoad(AssemblyName name)
    {
        try
        {
            return Assembly.Load(name);
        }
        catch (Exception e) when (e is IOException or BadImageFormatException)
        {
            return null;
        }
    }

    private static bool IsFramework(string name) =>
        name is "mscorlib" or "netstandard" or "System" || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.", StringComparison.Ordinal);

    private static (string Text, string Entry)? Parsed(string file)
    {
        int end = file.IndexOf(Break, StringComparison.Ordinal);
        return end <= 0 || !file.Contains($".entry {file[..end]}(", StringComparison.Ordinal) ? null : (file[(end + 1)..], file[..end]);
    }
}
