using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Opens files of other programs: PyTorch's (zip and legacy), NVIDIA's network, detector and statistics pickles, and ONNX. The kind is told by the content, never by the
/// name. Readers make records of what a file says and call nothing in it.
/// </summary>
public static class ImportFile
{
    private const int HeadBytes = 512, TarMagicAt = 257;

    /// <summary>Opens a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">Under what key of a wrapper the weights are, such as <c>ema</c>; null if there is no choice.</param>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="InvalidFileException">The file is of no known kind, malformed, beyond the limits, or holds what is refused; the reason is one line.</exception>
    public static ImportedFile Open(string path, string? key = null)
    {
        FileBytes file = FileBytes.Open(path);
        try
        {
            return new ImportedFile(file, Read(file, key));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static ImportContent Read(FileBytes file, string? key)
    {
        Span<byte> buffer = stackalloc byte[HeadBytes];
        ReadOnlySpan<byte> head = buffer[..file.ReadUpTo(0, buffer)];
        if (head.Length < 8)
            throw file.Refuse($"is {file.Length} bytes long, too short for weights");
        if (head.StartsWith("PK\x03\x04"u8))
            return ReadZip(file, key);
        if (TorchLegacy.Recognises(file, file.All))
            return StateDictImport.Read(file, TorchLegacy.Open(file, file.All, PickleLimits.Default), "PyTorch state dict (before 1.6)", key);
        if (head[0] == (byte)PickleOpcode.Proto)
            return PickleImport.Read(file, key);
        if (head[0] == OnnxImport.FirstByte)
            return OnnxImport.Read(file, key);
        throw file.Refuse(Unknown(head));
    }

    private static ImportContent ReadZip(FileBytes file, string? key)
    {
        StoredZip zip = StoredZip.Open(file);
        if (TorchZip.Recognises(zip))
            return StateDictImport.Read(file, TorchZip.Open(file, zip), "PyTorch state dict", key);
        throw file.Refuse(zip.Names.Any(name => name.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
            ? "is an archive of NumPy, which holds no weights; evaluate takes statistics in it as it is"
            : "is a zip archive without a data.pkl: no file of PyTorch");
    }

    private static string Unknown(ReadOnlySpan<byte> head)
    {
        if (head[8..].StartsWith("{"u8))
            return "is a safetensors file already, which needs no import";
        if (head.Length > TarMagicAt + 5 && head[TarMagicAt..].StartsWith("ustar"u8))
            return "is a tar archive, as PyTorch wrote before 0.1.10; load it there and save it anew";
        if (head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
            return "is compressed by gzip; unpack it first";
        return head[0] == (byte)'<' || Encoding.Latin1.GetString(head).Contains("<html", StringComparison.OrdinalIgnoreCase)
            ? "is a web page, not weights: the download failed"
            : "is no file of PyTorch, NVIDIA's EDM or ONNX";
    }
}
