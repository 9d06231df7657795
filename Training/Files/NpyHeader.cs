using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace TrigFlowNative.Training.Files;

/// <summary>The header of a NumPy .npy file (format versions 1 to 3): magic number, version, length, and a Python dictionary literal.</summary>
internal static partial class NpyHeader
{
    private const int Alignment = 64;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Types of elements as headers write them: unsigned bytes, and floating point of 16, 32 and 64 bits and integers of 64 bits with the low byte first.</summary>
    internal const string UInt8 = "|u1", Float16 = "<f2", Float32 = "<f4", Float64 = "<f8", Int64 = "<i8";

    /// <summary>Whether a name ends in .npy.</summary>
    internal static bool IsName(string name) => name.EndsWith(".npy", StringComparison.OrdinalIgnoreCase);

    /// <summary>Formats the header of an array in C order, by default of unsigned bytes, padded so that the data starts at a multiple of 64 bytes.</summary>
    internal static byte[] Format(ReadOnlySpan<int> shape, string type = UInt8)
    {
        string extents = string.Join(", ", shape.ToArray());
        string text = $"{{'descr': '{type}', 'fortran_order': False, 'shape': ({extents}{(shape.Length == 1 ? "," : "")}), }}";
        int length = (Magic.Length + 4 + text.Length + 1 + Alignment - 1) / Alignment * Alignment;
        byte[] header = new byte[length];
        Magic.CopyTo(header);
        header[6] = 1;
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(8), (ushort)(length - 10));
        header.AsSpan(10).Fill((byte)' ');
        Encoding.ASCII.GetBytes(text, header.AsSpan(10));
        header[^1] = (byte)'\n';
        return header;
    }

    /// <summary>Reads the header of an array of unsigned bytes; parameters and result are those of the overload that takes any type.</summary>
    internal static bool TryParse(ReadOnlySpan<byte> bytes, out int[] shape, out int dataStart, out string? reason)
    {
        if (TryParse(bytes, out string type, out shape, out dataStart, out reason) && type is not (UInt8 or "u1" or "<u1"))
            reason = $"has elements of type '{type}', expected '|u1' (uint8)";
        return reason is null;
    }

    /// <summary>Reads a header; returns whether it was accepted.</summary>
    /// <param name="bytes">The whole .npy file.</param>
    /// <param name="type">Type of the elements, as the header writes it.</param>
    /// <param name="shape">Extents of the array, each at least 0.</param>
    /// <param name="dataStart">Offset of the data in bytes, where the header ends.</param>
    /// <param name="reason">Why the header was refused; null if it was accepted.</param>
    internal static bool TryParse(ReadOnlySpan<byte> bytes, out string type, out int[] shape, out int dataStart, out string? reason)
    {
        (type, shape, dataStart, reason) = ("", [], 0, null);
        if (bytes.Length < 12 || !bytes.StartsWith(Magic))
            reason = "is not an .npy array";
        else if (bytes[6] is < 1 or > 3)
            reason = $"has the .npy version {bytes[6]}, expected 1 to 3";
        if (reason is not null)
            return false;

        int start = bytes[6] == 1 ? 10 : 12;
        long length = bytes[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        if (length > Math.Min(bytes.Length - start, 1 << 16))
        {
            reason = $"has an .npy header of {length} bytes, longer than the array";
            return false;
        }

        dataStart = start + (int)length;
        Match match = Dictionary().Match(Encoding.Latin1.GetString(bytes[start..dataStart]));
        if (!match.Success)
            reason = "has an .npy header that is not the expected dictionary";
        else if (match.Groups["order"].Value != "False")
            reason = "is stored in Fortran order";
        else if (!TryParseShape(match.Groups["shape"].Value, out shape))
            reason = $"has the unusable shape ({match.Groups["shape"].Value})";
        type = match.Success ? match.Groups["descr"].Value : "";
        return reason is null;
    }

    private static bool TryParseShape(string text, out int[] shape)
    {
        string[] parts = text.TrimEnd().TrimEnd(',').Split(',');
        shape = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i].Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out shape[i]))
                return false;
        }

        return true;
    }

    [GeneratedRegex(@"^\s*\{\s*'descr':\s*'(?<descr>[^']*)',\s*'fortran_order':\s*(?<order>True|False),\s*'shape':\s*\((?<shape>[^()]*)\),?\s*\}\s*$")]
    private static partial Regex Dictionary();
}
