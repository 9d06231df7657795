using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>Checks of what a network is given, with its name in the message.</summary>
internal static class NetworkInputs
{
    /// <summary>Requires times (N), and labels Int32 (N) if and only if the network has classes.</summary>
    /// <exception cref="ArgumentException">They are not; the message says which.</exception>
    public static void RequireConditions(string network, NetworkConfig config, NetworkConditions conditions)
    {
        (Tensor t, Tensor? labels) = (conditions.Times, conditions.Labels);
        if (t is null || t.Shape.Rank != 1)
            throw new ArgumentException($"{network}: t {t} is not (N)");
        string given = labels is null ? "missing" : "given";
        if (labels is not null != config.LabelCount > 0)
            throw new ArgumentException($"{network}: labels are {given}, the network has {config.LabelCount} classes");
        if (labels is not null && (labels.Shape != t.Shape || labels.Type != DType.Int32))
            throw new ArgumentException($"{network}: labels {labels} are not Int32 {t.Shape}");
    }

    /// <summary>Requires images of the configuration's extents, and a condition for each block that fits them.</summary>
    /// <exception cref="ArgumentException">They do not fit.</exception>
    public static void RequireImages(string network, NetworkConfig config, Tensor x, IReadOnlyList<Tensor> condition, int blocks)
    {
        ArgumentNullException.ThrowIfNull(x);
        Shape image = config.Image;
        if (x.Shape != new Shape(x.Shape.N, image.H, image.W, image.C))
            throw new ArgumentException($"{network}: x {x} is not (N, {image.H}, {image.W}, {image.C})");
        if (condition.Count != blocks || condition.Any(each => each.Shape.N != x.Shape.N || each.HasTangent != x.HasTangent))
            throw new ArgumentException($"{network}: the conditions [{string.Join("; ", condition)}] do not fit x {x}: one row for each image, and both dual or neither");
    }

    /// <summary>Requires that bf16 compute weights are not on the host.</summary>
    /// <exception cref="ArgumentException">They are.</exception>
    public static void RequireComputeType(string network, ComputeProgram program, ParameterSlab weights)
    {
        if (weights.ComputeType == DType.BFloat16 && program.Device is CpuDevice)
            throw new ArgumentException($"{network}: the compute weights are {DType.BFloat16}, which needs a GPU");
    }
}
