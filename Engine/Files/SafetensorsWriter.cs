using System.Collections.Immutable;
using System.Runtime.InteropServices;

namespace TrigFlowNative.Engine;

/// <summary>
/// Collects tensors and writes them as one safetensors file. Contents are requested one by one while the file is written, so the whole is
/// never in memory. Equal tensors and metadata give equal bytes in whatever order they were added: wide types come first, so
/// that every tensor is aligned to its type, then names in order.
/// </summary>
public sealed class SafetensorsWriter
{
    private readonly SortedDictionary<string, string> metadata = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (SafetensorsEntry Entry, Action<Stream> Write)> tensors = new(StringComparer.Ordinal);

    /// <summary>Sets an entry of the header's <c>__metadata__</c>.</summary>
    /// <exception cref="ArgumentException">The key is <see cref="SafetensorsChecksum.Key"/>, which <see cref="Save"/> sets.</exception>
    public void SetMetadata(string key, string value)
    {
        if (key == SafetensorsChecksum.Key)
            throw new ArgumentException($"the metadata '{key}' is set when the file is written", nameof(key));
        metadata[key] = value;
    }

    /// <summary>Adds a tensor whose bytes <paramref name="write"/> delivers during <see cref="Save"/>.</summary>
    /// <param name="name">Name of the tensor: unique, not empty, not <c>__metadata__</c>.</param>
    /// <param name="type">The element type in the file.</param>
    /// <param name="shape">Extents, slowest first; empty for a scalar.</param>
    /// <param name="write">Writes exactly the tensor's bytes, little-endian, at the stream's position; must not seek.</param>
    /// <exception cref="ArgumentException">The name is taken or not allowed, an extent is negative, or the length exceeds 63 bits.</exception>
    public void Add(string name, SafetensorsType type, ReadOnlySpan<long> shape, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (!SafetensorsHeader.IsTensorName(name))
            throw new ArgumentException($"a tensor can't be named '{name}'", nameof(name));
        if (!SafetensorsEntry.TryMeasure(shape, type, out long byteLength))
            throw new ArgumentException($"'{name}' can't have the shape {SafetensorsEntry.FormatShape(shape)}", nameof(shape));
        SafetensorsEntry entry = new(name, type, shape.ToImmutableArray(), Offset: 0, byteLength);
        if (!tensors.TryAdd(name, (entry, write)))
            throw new ArgumentException($"a tensor '{name}' was added before", nameof(name));
    }

    /// <summary>Adds an F32 tensor; <paramref name="values"/> must stay unchanged until <see cref="Save"/> has run.</summary>
    /// <exception cref="ArgumentException">The name is taken or not allowed, or the shape has another number of elements than there are values.</exception>
    public void Add(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<float> values) => Add(name, SafetensorsType.F32, shape, values);

    /// <summary>Adds an I32 tensor; <paramref name="values"/> must stay unchanged until <see cref="Save"/> has run.</summary>
    /// <exception cref="ArgumentException">The name is taken or not allowed, or the shape has another number of elements than there are values.</exception>
    public void Add(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<int> values) => Add(name, SafetensorsType.I32, shape, values);

    /// <summary>Adds an I64 tensor; <paramref name="values"/> must stay unchanged until <see cref="Save"/> has run.</summary>
    /// <exception cref="ArgumentException">The name is taken or not allowed, or the shape has another number of elements than there are values.</exception>
    public void Add(string name, ReadOnlySpan<long> shape, ReadOnlyMemory<long> values) => Add(name, SafetensorsType.I64, shape, values);

    /// <summary>
    /// Writes the file through <see cref="AtomicFile"/>: on any failure the old file at <paramref name="path"/> stays. The metadata get a checksum of
    /// the data, see <see cref="SafetensorsChecksum"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The path is empty or names no file.</exception>
    /// <exception cref="InvalidOperationException">A tensor's content is not as long as its shape demands, or the header exceeds 16 MiB.</exception>
    /// <exception cref="IOException">The disk is full, or another writer is writing the same path.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or the file may not be written.</exception>
    /// <exception cref="PlatformNotSupportedException">The machine is big-endian.</exception>
    public void Save(string path)
    {
        if (!BitConverter.IsLittleEndian)
            throw new PlatformNotSupportedException("safetensors files are written on little-endian machines only");
        List<SafetensorsEntry> entries = Arrange();
        byte[] head = SafetensorsHeader.Format(entries, new(metadata, StringComparer.Ordinal) { [SafetensorsChecksum.Key] = SafetensorsChecksum.Placeholder });
        AtomicFile.Write(path, stream =>
        {
            stream.Write(head);
            var checksum = new SafetensorsChecksum(metadata);
            using var hashed = new HashingStream(stream, checksum);
            foreach (SafetensorsEntry entry in entries)
            {
                long start = hashed.Written;
                tensors[entry.Name].Write(hashed);
                long written = hashed.Written - start;
                if (written != entry.ByteLength)
                    throw new InvalidOperationException($"'{entry.Name}' delivered {written} of {entry.ByteLength} bytes");
            }

            stream.Position = SafetensorsChecksum.PlaceIn(head);
            stream.Write(checksum.Text());
        });
    }

    private List<SafetensorsEntry> Arrange()
    {
        List<SafetensorsEntry> entries = [];
        long offset = 0;
        foreach (SafetensorsEntry entry in tensors.Values.Select(tensor => tensor.Entry)
            .OrderByDescending(entry => entry.Type.SizeInBytes()).ThenByDescending(entry => entry.Type).ThenBy(entry => entry.Name, StringComparer.Ordinal))
        {
            entries.Add(entry with { Offset = offset });
            offset += entry.ByteLength;
        }

        return entries;
    }

    private void Add<T>(string name, SafetensorsType type, ReadOnlySpan<long> shape, ReadOnlyMemory<T> values)
        where T : unmanaged
    {
        if (!SafetensorsEntry.TryMeasure(shape, type, out long byteLength) || byteLength != (long)values.Length * type.SizeInBytes())
            throw new ArgumentException($"'{name}' has {values.Length} values, the shape is {SafetensorsEntry.FormatShape(shape)}", nameof(values));
        Add(name, type, shape, stream =>
        {
            // In chunks, since the bytes of a large array exceed a span's length.
            const int Step = 1 << 18;
            for (int start = 0; start < values.Length; start += Step)
                stream.Write(MemoryMarshal.AsBytes(values.Span.Slice(start, Math.Min(Step, values.Length - start))));
        });
    }
}
