namespace TrigFlowNative.Models;

/// <summary>One kind of features that a network computes, a row of numbers for each image.</summary>
/// <param name="Name">Name by which rows are asked for: pool, logits, spatial, class_token.</param>
/// <param name="Width">Numbers in a row.</param>
/// <param name="Meaning">What the numbers are, in words for a report, such as "mean over the last 8x8 map".</param>
public sealed record FeatureSpec(string Name, int Width, string Meaning);
