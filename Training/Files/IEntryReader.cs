using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Files;

/// <summary>Reads whole files of a folder or an archive by their number. Safe from several threads.</summary>
internal interface IEntryReader : IDisposable
{
    /// <summary>Length of a file in bytes, as far as it is known before it is read.</summary>
    long Length(int index);

    /// <summary>Length of a file's content in bytes, as far as it is known before it is read.</summary>
    long ContentLength(int index) => Length(index);

    /// <summary>CRC-32 of a file's content, as far as it is known before it is read; null if it is not.</summary>
    uint? Checksum(int index) => null;

    /// <summary>Reads a file; the caller disposes the result.</summary>
    /// <exception cref="InvalidFileException">The file is gone, too long, or damaged.</exception>
    RentedBytes Read(int index);

    /// <summary>Creates the exception for a faulty file.</summary>
    InvalidFileException Refuse(int index, string reason, Exception? inner = null);
}
