namespace TrigFlowNative.Engine;

/// <summary>
/// What random numbers are for, the last word of Philox's counter: streams of different purposes share no numbers, whatever the seed. The one
/// list of them; a program of its own takes any other value, cast.
/// </summary>
/// <remarks>The values stay as they are, since a resumed run draws by them. Those of training and models are ASCII words.</remarks>
public enum RandomPurpose : uint
{
    /// <summary>No purpose: a source that is not drawn from itself.</summary>
    None = 0,

    /// <summary>Order of the images within an epoch.</summary>
    Order = 0x1000,

    /// <summary>Which images are mirrored.</summary>
    Flip = 0x1001,

    /// <summary>Which images are held out.</summary>
    HeldOut = 0x1002,

    /// <summary>Drawing of synthetic images to train on.</summary>
    TrainShapes = 0x1003,

    /// <summary>Drawing of synthetic images to hold out.</summary>
    HeldOutShapes = 0x1004,

    /// <summary>Masks of dropout; the n-th block of a network draws with this plus n ("Drop").</summary>
    Dropout = 0x44726F70,

    /// <summary>Guidance scales in distillation ("Guid").</summary>
    Guidance = 0x47756964,

    /// <summary>Initial values of parameters ("Init").</summary>
    Initialisation = 0x496E6974,

    /// <summary>Which labels are hidden ("Labl").</summary>
    LabelDropout = 0x4C61626C,

    /// <summary>Noise added to training images ("Nois").</summary>
    Noise = 0x4E6F6973,

    /// <summary>Noise that samples start from ("Samp").</summary>
    SamplingNoise = 0x53616D70,

    /// <summary>Times to train on ("Time").</summary>
    Time = 0x54696D65,
}
