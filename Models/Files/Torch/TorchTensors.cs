namespace TrigFlowNative.Models;

/// <summary>Makes tensors of their records in a pickle: a call of <c>_rebuild_tensor_v2</c> with a storage, an offset, extents and strides, or a parameter around one.</summary>
/// <param name="file">The file.</param>
/// <param name="storageOf">Finds the storage that a tensor's first argument means.</param>
internal sealed class TorchTensors(FileBytes file, Func<PickleValue, TorchStorage> storageOf)
{
    /// <summary>Names of PyTorch's functions.</summary>
    public const string RebuildOld = "torch._utils._rebuild_tensor", Rebuild = "torch._utils._rebuild_tensor_v2", RebuildParameter = "torch._utils._rebuild_parameter";

    /// <summary>Whether a value is a tensor.</summary>
    public static bool Is(PickleValue? value) => value is PickleCall { Callee: RebuildOld or Rebuild or RebuildParameter };

    /// <summary>Makes a tensor.</summary>
    /// <param name="value">A value that <see cref="Is"/> one.</param>
    /// <param name="name">Its name, for messages.</param>
    /// <exception cref="Engine.InvalidFileException">The record is malformed, or the tensor does not lie in its storage.</exception>
    public TorchTensor Read(PickleValue value, string name)
    {
        if (value is PickleCall { Callee: RebuildParameter, Arguments: [PickleCall inner, PickleBool, ..] } parameter)
            return inner.Callee != RebuildParameter && Is(inner) && parameter.Arguments.Count == 3 ? Read(inner, name) : throw Malformed();
        if (value is not PickleCall { Callee: RebuildOld or Rebuild } call || call is { State: not null } or { Map: not null } or { Items: not null })
            throw Malformed();
        int most = call.Callee == RebuildOld ? 4 : 7;
        if (call.Arguments is not [var storage, PickleInteger offset, var shape, var strides, .. var more] || call.Arguments.Count > most)
            throw Malformed();
        if (most == 7 && more is not [PickleBool, ..])
            throw Malformed();
        return new TorchTensor(file, name, storageOf(storage), Number(offset), Numbers(shape), Numbers(strides));

        long[] Numbers(PickleValue tuple) => tuple switch
        {
            PickleSequence { IsTuple: true } numbers => [.. numbers.Items.Select(Number)],
            PickleCall { Callee: "torch.Size", Arguments: [PickleSequence numbers] } => [.. numbers.Items.Select(Number)],
            _ => throw Malformed(),
        };

        long Number(PickleValue number) => number is PickleInteger { Value: var whole } && whole >= long.MinValue && whole <= long.MaxValue ? (long)whole : throw Malformed();

        Engine.InvalidFileException Malformed() => file.Refuse($"tensor '{name}' is not recorded as PyTorch records one");
    }
}
