using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Compares a network with another implementation of it. A fixture is a safetensors file with weights under EDM's names
/// (param.NAME), inputs x (N, C, H, W), t (N) and, with classes, one-hot labels (N, L), a tangent (tangent.x, tangent.t), a
/// cotangent, and the results of the other implementation: F, its derivative JVP along the tangent, and the gradient of
/// sum(cotangent F) for every parameter (grad.NAME). Its metadata holds the configuration, as in a <see cref="WeightFile"/>.
/// </summary>
/// <remarks>
/// The fixture of a network that has logvar(t) holds logvar (N) and cotangent.logvar (N), and gradients are those of sum(cotangent F) + sum(cotangent.logvar logvar).
/// The results are those of training, in which a rule that constrains master weights (<see cref="IComputeWeights.Make"/>) overwrites param.NAME first, and
/// gradients are taken at the weights that it left. With the prefix eval. the file may hold the same results of the weights as they are (eval.F, eval.JVP,
/// eval.logvar, eval.grad.NAME).
/// </remarks>
public static class FixtureCheck
{
    /// <summary>Maximum relative L2 error of any result in fp32, whose arithmetic leaves about 1e-6.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>
    /// The same for a network that makes its compute weights itself: what forcing changes in F is little more than <see cref="Tolerance"/>, while the
    /// arithmetic of such networks leaves 2e-6.
    /// </summary>
    public const double ComputeWeightsTolerance = 1e-5;

    /// <summary>
    /// Maximum relative L2 error of F and logvar with bf16 activations: each stored result is off by up to 2^-8 of its value, about 0.002 in L2.
    /// Rounding every result of the fp32 network in this way gives 0.005 on the fixtures that this project was checked with.
    /// </summary>
    public const double Bf16Tolerance = 1e-2;

    /// <summary>Maximum relative L2 error of the JVP with bf16 activations; rounding gives 0.01, since a tangent inherits the primal's error.</summary>
    public const double Bf16JvpTolerance = 3e-2;

    /// <summary>
    /// Maximum relative L2 error of a gradient with bf16 activations; rounding gives 0.02 for most, up to 0.06. Gradients are rounded on the
    /// way back as well, and where their terms cancel, as for a bias before a norm, the remainder is small against the errors of the terms.
    /// </summary>
    public const double Bf16GradientTolerance = 1e-1;

    /// <summary>Computes everything in one dual forward and one backward pass, as a training step does, and compares; likewise for the results without forcing.</summary>
    /// <param name="path">Path of the fixture.</param>
    /// <param name="device">Device that computes.</param>
    /// <param name="storage">Storage type of the activations: fp32, or bf16 on a GPU.</param>
    /// <returns>The errors of F, JVP, logvar if the network has it, and each gradient, in this order; then those of eval.F and so on.</returns>
    /// <exception cref="ArgumentException">The path is empty, or the storage type needs another device.</exception>
    /// <exception cref="InvalidFileException">The file is malformed, or is not a fixture of a known network.</exception>
    public static IReadOnlyList<FixtureError> Run(string path, ComputeDevice device, DType storage = DType.Float32)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        INetwork network = WeightFile.ReadNetwork(file);
        var inputs = FixtureInputs.Read(file, network);
        foreach (ParameterSpec parameter in network.Parameters)
            file.Require($"param.{parameter.Name}", parameter.FileShape.AsSpan());
        List<FixtureResults> wanted = [FixtureResults.Read(file, network, inputs, FixtureResults.Training)];
        if (file.Entries.Any(entry => entry.Name.StartsWith(FixtureResults.Evaluation, StringComparison.Ordinal)))
            wanted.Add(FixtureResults.Read(file, network, inputs, FixtureResults.Evaluation));
        return [.. wanted.SelectMany(results => Compare(file, network, device, storage, inputs, results))];
    }

    private static List<FixtureError> Compare(
        SafetensorsFile file, INetwork network, ComputeDevice device, DType storage, FixtureInputs inputs, FixtureResults expected)
    {
        using ParameterSlab weights = network.CreateSlab(device, withGradients: true, activations: storage);
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(file.ReadSingles($"param.{parameter.Name}")));
        network.RefreshComputeWeights(weights, force: expected.Prefix == FixtureResults.Training);
        (float[] f, float[] jvp, float[] logvar) = Differentiate(network, weights, inputs);
        bool bf16 = storage == DType.BFloat16;
        double exact = network.ComputeWeights is null ? Tolerance : ComputeWeightsTolerance;
        List<FixtureError> errors =
        [
            Error("F", f, expected.F, bf16 ? Bf16Tolerance : exact),
            Error("JVP", jvp, expected.Jvp, bf16 ? Bf16JvpTolerance : exact),
        ];
        if (expected.Logvar is not null)
            errors.Add(Error("logvar", logvar, expected.Logvar, bf16 ? Bf16Tolerance : exact));
        foreach (ParameterSpec parameter in network.Parameters)
        {
            float[] gradient = parameter.ToFileOrder(weights[parameter.Name].Gradient!.ToArray()), theirs = file.ReadSingles($"{expected.Prefix}grad.{parameter.Name}");
            errors.Add(Error($"grad.{parameter.Name}", gradient, theirs, bf16 ? Bf16GradientTolerance : exact));
        }

        return errors;

        FixtureError Error(string name, float[] ours, float[] theirs, double allowed) => new(expected.Prefix + name, RelativeError(ours, theirs), allowed);
    }

    /// <summary>Returns F, JVP and logvar, zeros if the network has none, and leaves the gradients in the slab.</summary>
    private static (float[] F, float[] Jvp, float[] Logvar) Differentiate(INetwork network, ParameterSlab weights, FixtureInputs inputs)
    {
        ComputeDevice device = weights.Device;
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape };
        weights.WatchOn(tape);
        var times = new Shape(inputs.Shape.N);
        using Tensor x = device.CreateTensor(inputs.Shape, inputs.X), tx = device.CreateTensor(inputs.Shape, inputs.TangentX);
        using Tensor t = device.CreateTensor(times, inputs.T), tt = device.CreateTensor(times, inputs.TangentT);
        using Tensor cotangent = device.CreateTensor(inputs.Shape, inputs.Cotangent);
        using Tensor f = device.CreateTensor(inputs.Shape), jvp = device.CreateTensor(inputs.Shape), logvar = device.CreateTensor(times);
        using Tensor? labels = inputs.Labels is null ? null : device.CreateTensor(times, DType.Int32);
        using Tensor? logvarCotangent = inputs.LogvarCotangent is null ? null : device.CreateTensor(times, inputs.LogvarCotangent);
        labels?.Upload<int>(inputs.Labels);
        Tensor y = network.F(program, weights, Copy.Join(program, x, tx), new NetworkConditions(Copy.Join(program, t, tt), labels));
        Copy.Into(program, y.Primal, f);
        Copy.Into(program, y.Tangent, jvp);
        tape.Seed(y, cotangent);
        if (logvarCotangent is not null)
        {
            Tensor head = network.Logvar(program, weights, t);
            Copy.Into(program, head, logvar);
            tape.Seed(head, logvarCotangent);
        }

        tape.Backward();
        network.ComputeWeights?.Backward(program, weights);
        program.Run();
        return (f.ToArray(), jvp.ToArray(), logvar.ToArray());
    }

    /// <summary>||actual - expected|| / ||expected||.</summary>
    private static double RelativeError(float[] actual, float[] expected)
    {
        double difference = 0, norm = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += ((double)actual[i] - expected[i]) * ((double)actual[i] - expected[i]);
            norm += (double)expected[i] * expected[i];
        }

        return norm == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / norm);
    }
}

/// <summary>Deviation of one result from a fixture's.</summary>
/// <param name="Name">F, JVP, logvar or grad.NAME, the results without forcing with the prefix eval.</param>
/// <param name="RelativeError">||ours - theirs|| / ||theirs||; not finite if ours is not.</param>
/// <param name="Allowed">Maximum error that passes.</param>
public sealed record FixtureError(string Name, double RelativeError, double Allowed = FixtureCheck.Tolerance)
{
    /// <summary>Whether the error is at most <see cref="Allowed"/>; a NaN does not pass.</summary>
    public bool Passes => RelativeError <= Allowed;
}
