using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;

namespace TrigFlowNative.Engine.Cuda;

/// <summary>Finds NVIDIA's driver library and queries it directly, since ILGPU hides why it finds no GPU.</summary>
public static partial class CudaLibrary
{
    internal const string Library = "trigflow-cuda-driver";
    private static int resolved;

    /// <summary>File names of the driver library, the versioned one first, since many containers have no other.</summary>
    private static readonly string[] Names = OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so"];

    /// <summary>Makes ILGPU and this assembly load the driver by any of its names. Repeated calls do nothing.</summary>
    public static void Resolve()
    {
        if (Interlocked.Exchange(ref resolved, 1) != 0)
            return;
        NativeLibrary.SetDllImportResolver(typeof(CudaLibrary).Assembly, Load);
        // On WSL ILGPU installs its own resolver, and a second one would throw.
        bool wsl = OperatingSystem.IsLinux() && Directory.Exists("/usr/lib/wsl");
        if (!wsl && OperatingSystem.IsLinux())
            NativeLibrary.SetDllImportResolver(typeof(Context).Assembly, Load);
    }

    /// <summary>Returns, in one line, why no GPU can be used; null if the driver starts and sees one.</summary>
    public static string? WhyUnavailable()
    {
        Resolve();
        try
        {
            int code = Init(0);
            if (code != 0)
                return $"cuInit says {Describe(code)}";
            code = GetDeviceCount(out int count);
            if (code != 0)
                return $"cuDeviceGetCount says {Describe(code)}";
            return count == 0 ? "the driver sees no GPU" : null;
        }
        catch (DllNotFoundException)
        {
            return $"NVIDIA's driver library is not installed ({string.Join(", ", Names)} not found)";
        }
        catch (EntryPointNotFoundException e)
        {
            return $"the driver library is unusable: {e.Message}";
        }
    }

    /// <summary>Highest CUDA version that the driver supports, such as 13.0; null without a driver.</summary>
    public static Version? DriverVersion()
    {
        Resolve();
        try
        {
            return GetDriverVersion(out int version) == 0 ? new Version(version / 1000, version % 1000 / 10) : null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
    }

    internal static string Describe(int code)
    {
        string name = GetErrorName(code, out nint text) == 0 ? Marshal.PtrToStringAnsi(text) ?? "?" : "an unknown error";
        return $"{name} ({code})";
    }

    private static nint Load(string name, Assembly assembly, DllImportSearchPath? path)
    {
        if (name is not (Library or "cuda"))
            return 0;
        foreach (string candidate in Names)
            if (NativeLibrary.TryLoad(candidate, out nint handle))
                return handle;
        return 0;
    }

    [LibraryImport(Library, EntryPoint = "cuInit")]
    private static partial int Init(uint flags);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetCount")]
    private static partial int GetDeviceCount(out int count);

    [LibraryImport(Library, EntryPoint = "cuDriverGetVersion")]
    private static partial int GetDriverVersion(out int version);

    [LibraryImport(Library, EntryPoint = "cuGetErrorName")]
    private static partial int GetErrorName(int code, out nint text);
}
