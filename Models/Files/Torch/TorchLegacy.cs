using System.Buffers.Binary;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Files of <c>torch.save</c> before PyTorch 1.6, and what a pickle of a tensor has inside today: five pickles in a row (a magic number, the version, the machine, the value,
/// the keys of the storages), then the numbers of each storage in the order of the keys, with their count before them.
/// </summary>
internal sealed class TorchLegacy
{
    /// <summary>How such a file begins: protocol 2, the number 0x1950a86a20f9469cfc6c, STOP.</summary>
    private static readonly byte[] Magic = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];

    private const int Version = 1001;

    private readonly FileBytes file;
    private readonly Dictionary<string, TorchStorage> storages = new(StringComparer.Ordinal);

    private TorchLegacy(FileBytes file) => this.file = file;

    /// <summary>Whether a run of bytes begins as such a file.</summary>
    public static bool Recognises(FileBytes file, ByteRange range)
    {
        Span<byte> head = stackalloc byte[Magic.Length];
        return range.Length >= head.Length && file.ReadUpTo(range.Start, head) == head.Length && head.SequenceEqual(Magic);
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidFileException">The file is malformed, or a storage is missing or of another length.</exception>
    public static TorchContent Open(FileBytes file, ByteRange range, PickleLimits limits, string name = "")
    {
        TorchLegacy torch = new(file);
        PickleValue root = torch.ReadAll(range, limits, name);
        return new TorchContent(root, new TorchTensors(file, torch.StorageOf), () => { });
    }

    /// <summary>Reads the bytes that a pickle of a tensor has for its storage: a file of this kind whose value is the storage.</summary>
    /// <exception cref="InvalidFileException">They are none.</exception>
    public static TorchStorage ReadStorage(FileBytes file, ByteRange range)
    {
        if (!Recognises(file, range))
            throw file.Refuse($"has {range.Length} bytes at {range.Start} that are no storage as PyTorch writes it");
        TorchLegacy torch = new(file);
        return torch.StorageOf(torch.ReadAll(range, PickleLimits.Small, $"the storage at byte {range.Start}"));
    }

    private PickleValue ReadAll(ByteRange range, PickleLimits limits, string name)
    {
        long at = range.Start + Magic.Length;
        if (Next(PickleLimits.Small).Value is not PickleInteger { Value: var version } || version != Version)
            throw file.Refuse($"is a PyTorch file of an unknown version, expected {Version}");
        if (PickleCall.MapOf(Next(PickleLimits.Small).Value)?.Find("little_endian") is not PickleBool { Value: true })
            throw file.Refuse("does not say that its numbers have the low byte first");
        PickledValue value = Next(limits);
        if (Next(limits).Value is not PickleSequence { IsTuple: false } keys)
            throw file.Refuse("has no list of storages behind its value");
        ReadStorages(at, range.End, References(value), keys.Items);
        return value.Value;

        PickledValue Next(PickleLimits each)
        {
            PickledValue pickle = PickleMachine.Read(file, new ByteRange(at, range.End - at), TorchNames.Instance, each, name);
            at = pickle.End;
            return pickle;
        }
    }

    /// <summary>What the value says of each storage; it must say the same everywhere.</summary>
    private Dictionary<string, TorchReference> References(PickledValue value)
    {
        Dictionary<string, TorchReference> found = new(StringComparer.Ordinal);
        foreach (TorchReference each in value.References.Select(reference => TorchReference.Read(file, reference, mayView: true)))
        {
            if (!found.TryAdd(each.Key, each) && (found[each.Key].Type, found[each.Key].Count) != (each.Type, each.Count))
                throw file.Refuse($"storage '{each.Key}' is {found[each.Key].Count} {found[each.Key].Type.FileName()} in one place and {each.Count} {each.Type.FileName()} in another");
        }

        return found;
    }

    private void ReadStorages(long at, long end, Dictionary<string, TorchReference> references, List<PickleValue> keys)
    {
        Span<byte> head = stackalloc byte[sizeof(long)];
        foreach (PickleValue each in keys)
        {
            if (each is not PickleText { Value: var key } || !references.TryGetValue(key, out TorchReference? reference))
                throw file.Refuse($"lists {each.Words} among its storages, which no tensor refers to");
            if (end - at < head.Length)
                throw file.Refuse($"ends before the storage '{key}'");
            file.Read(at, head);
            long count = BinaryPrimitives.ReadInt64LittleEndian(head);
            if (count != reference.Count)
                throw file.Refuse($"storage '{key}' has {count} elements, but {reference.Count} are declared");
            ByteRange bytes = new(at + head.Length, count * reference.Type.SizeInBytes());
            if (bytes.Length > end - bytes.Start)
                throw file.Refuse($"ends within the storage '{key}': {bytes.Length} bytes are declared, {end - bytes.Start} are left");
            if (!storages.TryAdd(key, new TorchStorage(reference.Type, count, bytes)))
                throw file.Refuse($"lists the storage '{key}' twice");
            at = bytes.End;
        }

        if (references.Keys.FirstOrDefault(key => !storages.ContainsKey(key)) is { } missing)
            throw file.Refuse($"does not hold the storage '{missing}', which a tensor refers to");
        if (at != end)
            throw file.Refuse($"has {end - at} bytes behind its last storage");
    }

    private TorchStorage StorageOf(PickleValue value)
    {
        if (value is not PickleReference reference)
            throw file.Refuse($"has a tensor of {value.Words}, expected a storage");
        TorchReference found = TorchReference.Read(file, reference, mayView: true);
        TorchStorage whole = storages[found.Key];
        return found.View is not { } view
            ? whole
            : new TorchStorage(whole.Type, view.Count, whole.Bytes.Slice(view.Offset * whole.Type.SizeInBytes(), view.Count * whole.Type.SizeInBytes()));
    }
}
