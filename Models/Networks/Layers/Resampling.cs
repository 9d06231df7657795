namespace TrigFlowNative.Models;

/// <summary>Change of the resolution in a block.</summary>
internal enum Resampling
{
    /// <summary>Keeps it.</summary>
    None,

    /// <summary>Doubles it by repeating pixels.</summary>
    Up,

    /// <summary>Halves it by averaging 2x2 pixels.</summary>
    Down,
}
