namespace TrigFlowNative.Models;

/// <summary>Imports plain pickles: NVIDIA's networks, its detector, statistics, and state dicts that were pickled without <c>torch.save</c>.</summary>
internal static class PickleImport
{
    private const string Average = "ema";

    /// <summary>Reads a file.</summary>
    public static ImportContent Read(FileBytes file, string? key)
    {
        PickledValue pickle = PickleMachine.Read(file, file.All, ObjectNames.Instance, PickleLimits.Default);
        if (pickle.End != file.Length)
            throw file.Refuse($"has {file.Length - pickle.End} bytes behind its pickle");
        if (pickle.References.Count > 0)
            throw file.Refuse("refers to storages as files of torch.save do, but has none");
        TorchTensors tensors = new(file, value => StorageOf(file, value));
        if (key is null && StatisticsPickle.Recognises(pickle.Value))
            return StatisticsImport.Read(file, pickle.Value);
        if (PersistentModule.Of(pickle.Value) is { } whole)
            return key is null ? ModuleImport.Read(file, whole, PickleCall.MapOf(null), tensors) : throw file.Refuse($"has no key '{key}': it is a {whole.ClassName}, no dictionary");
        PickleMap? map = PickleCall.MapOf(pickle.Value);
        string[] modules = [.. from entry in map?.Texts ?? [] where PersistentModule.Of(entry.Value) is not null select entry.Name];
        string chosen = key ?? (modules.Length == 1 ? modules[0] : Average);
        if (modules.Contains(chosen))
            return ModuleImport.Read(file, PersistentModule.Of(map!.Find(chosen))!, map, tensors);
        if (modules.Length > 1 && key is null)
            throw file.Refuse($"holds several modules: name one by --key, of {string.Join(", ", modules.Take(12))}");
        return StateDictImport.Read(file, new TorchContent(pickle.Value, tensors, () => { }), "pickled state dict", key);
    }

    private static TorchStorage StorageOf(FileBytes file, PickleValue value) =>
        value is PickleCall { Callee: "torch.storage._load_from_bytes", Arguments: [PickleBytes bytes], State: null }
            ? TorchLegacy.ReadStorage(file, bytes.Range)
            : throw file.Refuse($"has a tensor of {value.Words}, expected a storage");
}
