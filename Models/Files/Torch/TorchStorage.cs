using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The numbers that tensors of a PyTorch file are views of.</summary>
/// <param name="Type">Type of an element.</param>
/// <param name="Count">Number of elements.</param>
/// <param name="Bytes">Where they lie in the file, without gaps and with the low byte first.</param>
internal sealed record TorchStorage(SafetensorsType Type, long Count, ByteRange Bytes)
{
    /// <summary>Element types by the names of PyTorch's classes.</summary>
    public static IReadOnlyDictionary<string, SafetensorsType> Types { get; } = new Dictionary<string, SafetensorsType>(StringComparer.Ordinal)
    {
        ["torch.FloatStorage"] = SafetensorsType.F32,
        ["torch.HalfStorage"] = SafetensorsType.F16,
        ["torch.BFloat16Storage"] = SafetensorsType.BF16,
        ["torch.DoubleStorage"] = SafetensorsType.F64,
        ["torch.LongStorage"] = SafetensorsType.I64,
        ["torch.IntStorage"] = SafetensorsType.I32,
        ["torch.ShortStorage"] = SafetensorsType.I16,
        ["torch.CharStorage"] = SafetensorsType.I8,
        ["torch.ByteStorage"] = SafetensorsType.U8,
        ["torch.BoolStorage"] = SafetensorsType.Bool,
    };
}

/// <summary>What a file says of a storage where a tensor refers to it: a tuple of 'storage', class, key, location, count and, in old files, a view.</summary>
/// <param name="Key">The storage's name in the file.</param>
/// <param name="Type">Type of an element.</param>
/// <param name="Count">Number of elements.</param>
/// <param name="View">First element and number of elements of the part that is meant; null for all.</param>
internal sealed record TorchReference(string Key, SafetensorsType Type, long Count, (long Offset, long Count)? View)
{
    private const int LongestKey = 64;

    /// <summary>Reads a reference.</summary>
    /// <param name="file">The file.</param>
    /// <param name="reference">The reference's record.</param>
    /// <param name="mayView">Whether the kind of file knows views.</param>
    /// <exception cref="InvalidFileException">It is none, or of another kind.</exception>
    public static TorchReference Read(FileBytes file, PickleReference reference, bool mayView)
    {
        if (reference.Id is not PickleSequence { IsTuple: true, Items: [PickleText kind, .. var rest] })
            throw file.Refuse($"refers to {reference.Id.Words}, expected a storage");
        if (kind.Value != "storage")
            throw file.Refuse($"refers to a '{kind.Value}', expected a 'storage'");
        if (rest is not [PickleGlobal type, PickleText { Value.Length: > 0 and <= LongestKey } key, PickleText, PickleInteger count, .. var more] || more.Count > (mayView ? 1 : 0))
            throw file.Refuse("refers to a storage in another form than PyTorch's");
        if (!TorchStorage.Types.TryGetValue(type.Name, out SafetensorsType element))
            throw file.Refuse($"storage '{key.Value}' is of the class {type.Name}, which is none of plain numbers");
        long numbers = count.Value >= 0 && count.Value <= file.Length / element.SizeInBytes()
            ? (long)count.Value
            : throw file.Refuse($"storage '{key.Value}' declares {count.Value} elements, more than the file can hold");
        return new TorchReference(key.Value, element, numbers, ViewOf(file, key.Value, numbers, more.FirstOrDefault()));
    }

    private static (long Offset, long Count)? ViewOf(FileBytes file, string key, long count, PickleValue? view) => view switch
    {
        null or PickleNone => null,
        PickleSequence { Items: [PickleText, PickleInteger offset, PickleInteger size] }
            when offset.Value >= 0 && offset.Value <= count && size.Value >= 0 && size.Value <= count - offset.Value => ((long)offset.Value, (long)size.Value),
        _ => throw file.Refuse($"storage '{key}' has a view of {view.Words} that does not lie in it"),
    };
}
