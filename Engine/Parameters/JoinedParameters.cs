namespace TrigFlowNative.Engine;

/// <summary>
/// Parameters that lie one behind another in a slab, so that they can also be used as one: matrices of several layers with the same input
/// are one matrix with the rows of all. Names in files, and what is saved, are those of the members.
/// </summary>
/// <param name="Name">What the whole is called; a parameter of no file.</param>
/// <param name="Members">Names of its members in order, of equal extents but for the first.</param>
public sealed record JoinedParameters(string Name, IReadOnlyList<string> Members);
