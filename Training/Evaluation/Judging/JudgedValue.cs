namespace TrigFlowNative.Training.Evaluation;

/// <summary>Which values of a metric are good.</summary>
internal enum Better
{
    /// <summary>Not said.</summary>
    Unknown,

    /// <summary>Small values.</summary>
    Lower,

    /// <summary>Large values.</summary>
    Higher,
}

/// <summary>One value of a metric.</summary>
/// <param name="Name">Name that says the features too, such as "fd-pixels".</param>
/// <param name="Value">The value.</param>
/// <param name="Unit">Its unit, in words.</param>
/// <param name="Better">Which values are good.</param>
internal sealed record JudgedValue(string Name, double Value, string Unit, Better Better)
{
    /// <summary>Deviation over subsets or splits; null if there are none.</summary>
    public double? Deviation { get; init; }

    /// <summary>How the value was taken, where programs differ or chance enters; in words for a report, empty if nothing is to say.</summary>
    public string Note { get; init; } = "";
}
