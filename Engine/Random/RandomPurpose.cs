namespace TrigFlowNative.Engine;

/// <summary>
/// Purpose of random numbers, the last word of Philox's counter: streams of different purposes share no numbers, whatever the seed. This is the
/// only list of purposes; a program of its own casts any other value.
/// </summary>
/// <remarks>The values never change, since a resumed run draws by them. Those of training and models are ASCII words.</remarks>
public enum RandomPurpose : uint
{
    /// <summary>No purpose, for a source that only serves to derive others.</summary>
    None = 0,

    /// <summary>Order of the images within an epoch.</summary>
    Order = 0x1000,

    /// <summary>Choice of the images that are mirrored.</summary>
    Flip = 0x1001,

    /// <summary>Choice of the images that are held out.</summary>
    HeldOut = 0x1002,

    /// <summary>Synthetic images to train on.</summary>
    TrainShapes = 0x1003,

    /// <summary>Synthetic images that are held out.</summary>
    HeldOutShapes = 0x1004,

    /// <summary>Masks of dropout; the n-th block of a network draws with this value plus n ("Drop").</summary>
    Dropout = 0x44726F70,

    /// <summary>Guidance scales in distillation ("Guid").</summary>
    Guidance = 0x47756964,

    /// <summary>Initial values of parameters ("Init").</summary>
    Initialisation = 0x496E6974,

    /// <summary>Choice of the labels that are hidden ("Labl").</summary>
    LabelDropout = 0x4C61626C,

    /// <summary>Noise of latents, which are drawn from an autoencoder's posterior at each use ("LatN").</summary>
    LatentNoise = 0x4C61744E,

    /// <summary>Noise added to training images ("Nois").</summary>
    Noise = 0x4E6F6973,

    /// <summary>Noise of sampling ("Samp").</summary>
    SamplingNoise = 0x53616D70,

    /// <summary>Times to train on ("Time").</summary>
    Time = 0x54696D65,
}
