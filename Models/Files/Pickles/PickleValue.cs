namespace TrigFlowNative.Models;

/// <summary>
/// A value of a pickle, as a record of what the file says. Python would make objects of the named classes here and call the named functions; nothing in this
/// program does. Two values are equal only if they are one object, so that a comparison never follows a value into its depths.
/// </summary>
internal abstract class PickleValue
{
    /// <summary>What the value is, for messages.</summary>
    public abstract string Words { get; }

    /// <summary>Number of containers within each other, at least, when the value was last changed; 0 for one that contains nothing.</summary>
    public int Depth { get; set; }
}

/// <summary>None.</summary>
internal sealed class PickleNone : PickleValue
{
    public override string Words => "None";
}

/// <summary>True or false.</summary>
internal sealed class PickleBool(bool value) : PickleValue
{
    public bool Value { get; } = value;

    public override string Words => Value ? "True" : "False";
}

/// <summary>A whole number of at most 16 bytes.</summary>
internal sealed class PickleInteger(Int128 value) : PickleValue
{
    public Int128 Value { get; } = value;

    public override string Words => $"the number {Value}";
}

/// <summary>A double.</summary>
internal sealed class PickleReal(double value) : PickleValue
{
    public double Value { get; } = value;

    public override string Words => FormattableString.Invariant($"the number {Value}");
}

/// <summary>A string.</summary>
internal sealed class PickleText(string value) : PickleValue
{
    public string Value { get; } = value;

    public override string Words => $"the string '{(Value.Length > 60 ? Value[..60] + "..." : Value)}'";
}

/// <summary>Bytes, of which only the place in the file is kept.</summary>
internal sealed class PickleBytes(ByteRange range) : PickleValue
{
    public ByteRange Range { get; } = range;

    public override string Words => $"{Range.Length} bytes";
}

/// <summary>The name of a class or a function.</summary>
internal sealed class PickleGlobal(string name) : PickleValue
{
    /// <summary>Module and name, joined by a point.</summary>
    public string Name { get; } = name;

    public override string Words => $"the name {Name}";
}

/// <summary>A tuple, a list or a set, in order.</summary>
internal sealed class PickleSequence(bool isTuple, List<PickleValue> items) : PickleValue
{
    public bool IsTuple { get; } = isTuple;

    public List<PickleValue> Items { get; } = items;

    public override string Words => $"a {(IsTuple ? "tuple" : "list")} of {Items.Count}";
}

/// <summary>What a file keeps outside of its pickle, such as the numbers of a tensor: an identity that the format gives a meaning.</summary>
internal sealed class PickleReference(PickleValue id) : PickleValue
{
    public PickleValue Id { get; } = id;

    public override string Words => "a reference";
}
