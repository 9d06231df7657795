namespace TrigFlowNative.Models;

/// <summary>
/// What Python would make by calling a function or a class: its name, the arguments, and what was added to the result afterwards. It is a record only; nothing is
/// called.
/// </summary>
/// <param name="callee">The name of the function or class.</param>
/// <param name="arguments">Its arguments, a tuple.</param>
internal sealed class PickleCall(string callee, PickleSequence arguments) : PickleValue
{
    public string Callee { get; } = callee;

    public List<PickleValue> Arguments { get; } = arguments.Items;

    /// <summary>Entries that were set afterwards, as those of an OrderedDict are; null for none.</summary>
    public PickleMap? Map { get; set; }

    /// <summary>Items that were appended afterwards; null for none.</summary>
    public PickleSequence? Items { get; set; }

    /// <summary>What the object's state was set to; null for nothing.</summary>
    public PickleValue? State { get; set; }

    public override string Words => $"what {Callee} would make";

    /// <summary>The entries of a dictionary, whether a plain one or a class of that kind; null if a value is none.</summary>
    public static PickleMap? MapOf(PickleValue? value) => value switch
    {
        PickleMap map => map,
        PickleCall { Callee: "collections.OrderedDict" or "dnnlib.util.EasyDict" or "collections.defaultdict" } call => call.Map ?? new PickleMap(),
        _ => null,
    };
}
