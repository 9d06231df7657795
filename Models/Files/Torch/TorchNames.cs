namespace TrigFlowNative.Models;

/// <summary>Names in pickles of PyTorch state dicts, and the few of optimizers' states and settings that are kept beside them. A shorter list than that of <c>torch.load(weights_only=True)</c>.</summary>
internal sealed class TorchNames : PickleNames
{
    private static readonly HashSet<string> Allowed =
    [
        "collections.OrderedDict", TorchTensors.RebuildOld, TorchTensors.Rebuild, TorchTensors.RebuildParameter, "torch.Size", "torch.device",
        .. TorchStorage.Types.Keys,
        .. from type in (string[])["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"] select $"torch.{type}",
    ];

    private TorchNames()
    {
    }

    /// <summary>The only one.</summary>
    public static TorchNames Instance { get; } = new();

    public override string? Fault(string module, string name)
    {
        if (Allowed.Contains($"{module}.{name}"))
            return null;
        return module switch
        {
            "torch._utils" or "torch._tensor" => $"names {module}.{name}, which makes a sparse, quantised or otherwise unusual tensor; only plain ones are read",
            "torch" or "torch.storage" => $"names {module}.{name}, which is no type of plain tensors",
            _ => $"names {module}.{name}, which no state dict needs (of a whole model, save its state_dict() instead)",
        };
    }
}
