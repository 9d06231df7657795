using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace TrigFlowNative.Engine;

/// <summary>
/// The checksum of a safetensors file: XXH128 over the other metadata and all bytes of data, kept in the metadata. It covers what a damaged disk or
/// memory changes without leaving the format: values of tensors, a step number, sigma_data. Names of tensors are not covered, since tools of other
/// frameworks rename them.
/// </summary>
internal sealed class SafetensorsChecksum
{
    /// <summary>Key of the checksum in the metadata.</summary>
    internal const string Key = "checksum";

    private const string Algorithm = "xxh128:";
    private const int Digits = 32;

    private readonly XxHash128 hash = new();

    /// <summary>Begins a checksum with the metadata.</summary>
    /// <param name="metadata">All other metadata.</param>
    internal SafetensorsChecksum(IEnumerable<KeyValuePair<string, string>> metadata)
    {
        foreach ((string key, string value) in metadata.OrderBy(each => each.Key, StringComparer.Ordinal))
        {
            // The lengths part key and value, so that no two sets of metadata give the same bytes.
            hash.Append(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{key.Length} {value.Length} {key}{value}")));
        }
    }

    /// <summary>Stands in the header until the data are written; as long as a checksum.</summary>
    internal static string Placeholder { get; } = Algorithm + new string('0', Digits);

    /// <summary>Whether a text is a checksum of this kind. Files of other programs may keep something else under the key.</summary>
    internal static bool IsChecksum(string text) => text.Length == Placeholder.Length && text.StartsWith(Algorithm, StringComparison.Ordinal);

    /// <summary>Adds the next bytes of data.</summary>
    internal void Append(ReadOnlySpan<byte> data) => hash.Append(data);

    /// <summary>The checksum as it stands in the metadata, in ASCII.</summary>
    internal byte[] Text() => Encoding.ASCII.GetBytes(Algorithm + Convert.ToHexStringLower(hash.GetCurrentHash()));

    /// <summary>Position in the file of the placeholder in a header.</summary>
    internal static int PlaceIn(ReadOnlySpan<byte> head)
    {
        // Unescaped quotes stand only around keys and values, so this occurs nowhere else.
        string member = $"\"{Key}\":\"";
        return head.IndexOf(Encoding.ASCII.GetBytes(member + Placeholder)) + member.Length;
    }
}
