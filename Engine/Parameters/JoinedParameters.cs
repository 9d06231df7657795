namespace TrigFlowNative.Engine;

/// <summary>
/// Parameters that are adjacent in a slab, so that they can also be used as one: matrices of several layers with the same input
/// form one matrix with the rows of all. Files hold the members under their own names.
/// </summary>
/// <param name="Name">Name of the whole, which no file holds.</param>
/// <param name="Members">Names of the members in order; their extents are equal except for the first.</param>
public sealed record JoinedParameters(string Name, IReadOnlyList<string> Members);
