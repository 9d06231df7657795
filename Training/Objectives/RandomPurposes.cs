namespace TrigFlowNative.Training.Objectives;

/// <summary>What a training step's random numbers are for: the last word of Philox's counter.</summary>
internal static class RandomPurposes
{
    public const uint Time = 0x54696D65; // "Time"
    public const uint Noise = 0x4E6F6973; // "Nois"
    public const uint LabelDropout = 0x4C61626C; // "Labl"
    public const uint Guidance = 0x47756964; // "Guid"
    public const uint Dropout = 0x44726F70; // "Drop"; the network's blocks count up from it
}
