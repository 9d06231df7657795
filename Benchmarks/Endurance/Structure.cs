namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>What a mutation may know of a format.</summary>
internal enum Structure
{
    /// <summary>Bytes alone.</summary>
    Bytes,

    /// <summary>Text of numbers, quoted strings and delimiters: JSON and CSV.</summary>
    Text,

    /// <summary>A length of eight bytes, JSON of that length, and data, as in safetensors files.</summary>
    TextThenBytes,
}
