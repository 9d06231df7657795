namespace TrigFlowNative.Models;

/// <summary>
/// The names of classes and functions that a pickle may hold. Since nothing is called, no name can do harm; those that a file of its kind does not need are refused
/// nevertheless, so that whoever reads the message learns what the file would have done in Python.
/// </summary>
internal abstract class PickleNames
{
    /// <summary>Why a name is refused; null if it is not.</summary>
    /// <param name="module">The module.</param>
    /// <param name="name">The name in it.</param>
    public abstract string? Fault(string module, string name);
}
