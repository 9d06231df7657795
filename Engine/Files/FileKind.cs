namespace TrigFlowNative.Engine;

/// <summary>What stands under a path.</summary>
public enum FileKind
{
    /// <summary>Nothing.</summary>
    Absent,

    /// <summary>Something that the system gives no answer about, for lack of permission, say.</summary>
    Unknown,

    /// <summary>A file with content of a known length, the only kind that can be read as data.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A named pipe, or the end of an unnamed one: opening it may wait for ever.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,

    /// <summary>A device, such as a disk or a terminal.</summary>
    Device,
}
