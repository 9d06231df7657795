using System.Globalization;

namespace TrigFlowNative.Engine;

/// <summary>Memory of the host that this process may still take, so that a need beyond it is refused before the system ends the process for it.</summary>
public static class FreeHostMemory
{
    private const string MemoryInfo = "/proc/meminfo";

    /// <summary>Limits of a container, for version 2 and version 1 of control groups.</summary>
    private static readonly string[] Limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];

    /// <summary>
    /// Bytes that can be taken at present: what the system calls available, with free swap, and not more than a container's limit leaves. Other processes
    /// change it at any time.
    /// </summary>
    public static long Bytes
    {
        get
        {
            if (!OperatingSystem.IsLinux() || !TryReadSystem(out long bytes))
            {
                GCMemoryInfo info = GC.GetGCMemoryInfo();
                return Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes);
            }

            foreach (string file in Limits)
                if (TryReadLimit(file, out long limit))
                    bytes = Math.Min(bytes, Math.Max(0, limit - Environment.WorkingSet));
            return bytes;
        }
    }

    /// <summary>Throws if more is needed than is free.</summary>
    /// <param name="what">What needs the memory, for the message.</param>
    /// <param name="bytes">The need in bytes. A small one is not checked, since the check reads a file.</param>
    /// <exception cref="MemoryLimitException">The need is larger.</exception>
    public static void Require(string what, long bytes)
    {
        const long checkedFrom = 64L << 20;
        if (bytes >= checkedFrom && Bytes is var free && bytes > free)
            throw new MemoryLimitException(what, bytes, free, "the host");
    }

    private static bool TryReadSystem(out long bytes)
    {
        bytes = 0;
        bool found = false;
        try
        {
            foreach (string line in File.ReadLines(MemoryInfo))
            {
                bool available = line.StartsWith("MemAvailable:", StringComparison.Ordinal);
                if (!available && !line.StartsWith("SwapFree:", StringComparison.Ordinal))
                    continue;
                string number = line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim();
                if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kibibytes))
                    return false;
                bytes += kibibytes << 10;
                found |= available;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }

        return found;
    }

    private static bool TryReadLimit(string file, out long limit)
    {
        limit = 0;
        try
        {
            return File.Exists(file) && long.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out limit);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
