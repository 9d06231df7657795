namespace TrigFlowNative.Models;

/// <summary>What the models' random numbers are for: the last word of Philox's counter.</summary>
internal static class RandomPurposes
{
    public const uint Initialisation = 0x496E6974; // "Init"
    public const uint SamplingNoise = 0x53616D70; // "Samp"
}
