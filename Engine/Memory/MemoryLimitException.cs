using System.Globalization;

namespace TrigFlowNative.Engine;

/// <summary>
/// The memory of the host or of a GPU does not suffice. The message is one line that says what needs how much and how much is free; the code that knows which
/// setting lowers the need adds it by <see cref="With"/>.
/// </summary>
public sealed class MemoryLimitException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="what">What needs the memory, such as "a tensor (64, 32, 32, 3) Float32".</param>
    /// <param name="neededBytes">The need, in bytes; 0 if it is not known.</param>
    /// <param name="freeBytes">What is free, in bytes; negative if it is not known.</param>
    /// <param name="place">Where: "the host", or a GPU's name.</param>
    /// <param name="inner">The exception that was caught, if any.</param>
    public MemoryLimitException(string what, long neededBytes, long freeBytes, string place, Exception? inner = null)
        : this(
            $"out of memory: {what} needs {(neededBytes > 0 ? Format(neededBytes) : "memory")} on {place}{(freeBytes >= 0 ? $", which has {Format(freeBytes)} free" : "")}",
            neededBytes, freeBytes, inner)
    {
    }

    private MemoryLimitException(string message, long neededBytes, long freeBytes, Exception? inner)
        : base(message, inner) => (NeededBytes, FreeBytes) = (neededBytes, freeBytes);

    /// <summary>The need, in bytes; 0 if it is not known.</summary>
    public long NeededBytes { get; }

    /// <summary>What is free, in bytes; negative if it is not known.</summary>
    public long FreeBytes { get; }

    /// <summary>The same with a way out behind the message, such as "a smaller --batch needs less".</summary>
    public MemoryLimitException With(string advice) => new($"{Message}; {advice}", NeededBytes, FreeBytes, this);

    /// <summary>Formats a number of bytes for people: 1.5 GiB, 812 MiB, 3 KiB or 17 bytes.</summary>
    public static string Format(long bytes) => bytes switch
    {
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):N1} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):F0} MiB"),
        >= 1L << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 10):F0} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
    };
}
