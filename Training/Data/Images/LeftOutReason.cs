namespace TrigFlowNative.Training.Data;

/// <summary>Why something that lies in a data set is not read. The order is that of the description's line.</summary>
public enum LeftOutReason
{
    /// <summary>Images of another split, such as those of <c>test</c> beside <c>train</c>.</summary>
    OtherSplit,

    /// <summary>Files that are neither PNG nor JPEG.</summary>
    OtherFormat,

    /// <summary>Classes without an image; they keep their numbers.</summary>
    EmptyClass,

    /// <summary>Folders beside the classes, or beside images, that hold no image.</summary>
    NoImages,

    /// <summary>Folders that this user may not read.</summary>
    Unreadable,

    /// <summary>Folders below the depth to which folders are read.</summary>
    TooDeep,

    /// <summary>Links to a folder that holds the link.</summary>
    LeadsBack,

    /// <summary>A file or folder that is read under another name already.</summary>
    ReachedTwice,

    /// <summary>Links whose target is not there.</summary>
    LeadsNowhere,

    /// <summary>Named pipes, sockets and devices.</summary>
    NoRegularFile,

    /// <summary>Files and folders whose names begin with a dot, and files that Windows keeps for itself.</summary>
    Hidden,

    /// <summary>Folders that an operating system or a storage device keeps for itself, such as <c>__MACOSX</c>.</summary>
    System,
}
