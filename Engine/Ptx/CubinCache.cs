using System.Security.Cryptography;
using System.Text;
using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>
/// Machine code of kernels, kept on disk between processes, since the driver takes a large part of a second to compile a kernel with tensor-core
/// instructions. The key is the text, the driver and the GPU. A damaged file is ignored, and its kernel compiled again; so is one that
/// <see cref="KernelCache"/> does not trust.
/// </summary>
/// <remarks>
/// The folder is $TRIGFLOW_CACHE if set; otherwise trigflow/kernels in $XDG_CACHE_HOME or, without that, in the system's folder for local application
/// data. If the folder cannot be written, starts take longer but nothing fails.
/// </remarks>
internal static unsafe class CubinCache
{
    private const int PtxInput = 1, ErrorLog = 5, ErrorLogBytes = 6, LogBytes = 1 << 16;

    /// <summary>Returns the binary of a PTX text, from disk or from the driver's compiler.</summary>
    /// <param name="gpu">The device.</param>
    /// <param name="name">Name of the kernel, for messages.</param>
    /// <param name="text">PTX text.</param>
    /// <exception cref="CudaDriverException">The driver's compiler refuses the text.</exception>
    public static byte[] Binary(GpuDevice gpu, string name, string text)
    {
        string path = Path.Combine(Folder(), Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"{gpu.Identity}\n{text}")))[..40] + ".cubin");
        if (TryRead(path) is { } cached)
            return cached;
        byte[] binary = CompileText(gpu, name, text);
        TryWrite(path, binary);
        return binary;
    }

    /// <summary>Folder of the files.</summary>
    internal static string Folder()
    {
        if (Environment.GetEnvironmentVariable("TRIGFLOW_CACHE") is { Length: > 0 } chosen)
            return chosen;
        string root = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache
            ? cache
            : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        return Path.Combine(root.Length > 0 ? root : Path.GetTempPath(), "trigflow", "kernels");
    }

    /// <summary>Reads a file that consists of a hash and the binary with that hash; null if it is absent, damaged or not to be trusted.</summary>
    internal static byte[]? TryRead(string path)
    {
        try
        {
            if (!KernelCache.Trusts(path) || !File.Exists(path))
                return null;
            byte[] file = File.ReadAllBytes(path);
            if (file.Length <= SHA256.HashSizeInBytes)
                return null;
            byte[] binary = file[SHA256.HashSizeInBytes..];
            return SHA256.HashData(binary).AsSpan().SequenceEqual(file.AsSpan(0, SHA256.HashSizeInBytes)) ? binary : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes the hash of a binary, then the binary; does nothing if that fails.</summary>
    internal static void TryWrite(string path, byte[] binary)
    {
        try
        {
            KernelCache.Write(path, (byte[])[.. SHA256.HashData(binary), .. binary]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another process is writing the same file, or the disk is full: the next start compiles again.
        }
    }

    private static byte[] CompileText(GpuDevice gpu, string name, string text)
    {
        gpu.Bind();
        byte[] source = Encoding.ASCII.GetBytes(text + "\0"), log = new byte[LogBytes];
        fixed (byte* sourceStart = source, logStart = log)
        {
            int* options = stackalloc int[2] { ErrorLog, ErrorLogBytes };
            void** values = stackalloc void*[2] { logStart, (void*)LogBytes };
            CudaDriver.Check(CudaDriver.LinkCreate(2, options, values, out nint state), "cuLinkCreate");
            try
            {
                int code = CudaDriver.LinkAddData(state, PtxInput, sourceStart, (nuint)source.Length, "kernel", 0, null, null);
                CudaDriver.Check(code, $"compiling {name}", Encoding.ASCII.GetString(log).TrimEnd('\0'));
                code = CudaDriver.LinkComplete(state, out byte* image, out nuint size);
                CudaDriver.Check(code, $"linking {name}", Encoding.ASCII.GetString(log).TrimEnd('\0'));
                return new ReadOnlySpan<byte>(image, (int)size).ToArray();
            }
            finally
            {
                CudaDriver.Check(CudaDriver.LinkDestroy(state), "cuLinkDestroy");
            }
        }
    }
}
