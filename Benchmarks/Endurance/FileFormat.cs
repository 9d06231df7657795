using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>A format of files that this project reads: how a valid sample is made, and what reads it.</summary>
/// <param name="Name">Name on the command line, such as weights.</param>
/// <param name="Structure">What mutations may know of the format.</param>
/// <param name="HasChecksum">Whether the format protects its content, so that a file that reads with another content is a silent change.</param>
/// <param name="Prepare">Makes a valid sample in an empty folder; the device is the CPU.</param>
internal sealed record FileFormat(string Name, Structure Structure, bool HasChecksum, Func<string, ComputeDevice, FileSample> Prepare);

/// <summary>A valid file, with its reader.</summary>
/// <param name="Path">The file that mutants replace; others may lie beside it.</param>
/// <param name="Read">
/// Reads the file as the program does and returns what was read, as bytes, or nothing for content that is not compared. It throws what the program
/// would show to a person as one line.
/// </param>
internal sealed record FileSample(string Path, Func<byte[]> Read);
