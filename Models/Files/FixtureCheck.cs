using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Compares a network with another implementation of it. A fixture is a safetensors file with weights under EDM's names
/// (param.NAME), inputs x (N, C, H, W), t (N) and, with classes, one-hot labels (N, L), a tangent (tangent.x, tangent.t), a
/// cotangent, and the results of the other implementation: F, its derivative JVP along the tangent, and the gradient of
/// sum(cotangent F) for every parameter (grad.NAME). Its metadata holds the configuration, as in a <see cref="WeightFile"/>.
/// </summary>
public static class FixtureCheck
{
    /// <summary>Maximum relative L2 error of any result in fp32, whose arithmetic leaves about 1e-6.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>
    /// Maximum relative L2 error of F with bf16 activations: each stored result is off by up to 2^-8 of its value, about 0.002 in L2.
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

    /// <summary>Computes everything in one dual forward and one backward pass, as a training step does, and compares.</summary>
    /// <param name="path">Path of the fixture.</param>
    /// <param name="device">Device that computes.</param>
    /// <param name="storage">Storage type of the activations: fp32, or bf16 on a GPU.</param>
    /// <returns>The errors of F, JVP and each gradient, in this order.</returns>
    /// <exception cref="ArgumentException">The path is empty, or the storage type needs another device.</exception>
    /// <exception cref="InvalidFileException">The file is malformed, or is not a fixture of a known network.</exception>
    public static IReadOnlyList<FixtureError> Run(string path, ComputeDevice device, DType storage = DType.Float32)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path, requireFinite: true);
        INetwork network = WeightFile.ReadNetwork(file);
        var inputs = FixtureInputs.Read(file, network.Config);
        foreach (ParameterSpec parameter in network.Parameters)
        {
            file.Require($"param.{parameter.Name}", parameter.FileShape.AsSpan());
            file.Require($"grad.{parameter.Name}", parameter.FileShape.AsSpan());
        }

        bool bf16 = storage == DType.BFloat16;
        using ParameterSlab weights = network.CreateSlab(device, withGradients: true, activations: storage);
        foreach (ParameterSpec parameter in network.Parameters)
            weights[parameter.Name].Value.Upload<float>(parameter.ToMemoryOrder(file.ReadSingles($"param.{parameter.Name}")));
        network.RefreshComputeWeights(weights);
        (float[] f, float[] jvp) = Differentiate(network, weights, inputs);
        return
        [
            new("F", RelativeError(f, inputs.F), bf16 ? Bf16Tolerance : Tolerance),
            new("JVP", RelativeError(jvp, inputs.Jvp), bf16 ? Bf16JvpTolerance : Tolerance),
            .. network.Parameters.Select(CompareGradient),
        ];

        FixtureError CompareGradient(ParameterSpec parameter)
        {
            string name = $"grad.{parameter.Name}";
            float[] gradient = parameter.ToFileOrder(weights[parameter.Name].Gradient!.ToArray());
            return new FixtureError(name, RelativeError(gradient, file.ReadSingles(name)), bf16 ? Bf16GradientTolerance : Tolerance);
        }
    }

    /// <summary>Returns F and JVP, and leaves the gradients in the slab.</summary>
    private static (float[] F, float[] Jvp) Differentiate(INetwork network, ParameterSlab weights, FixtureInputs inputs)
    {
        ComputeDevice device = weights.Device;
        var tape = new Tape();
        using var program = new ComputeProgram(device) { Tape = tape };
        weights.WatchOn(tape);
        var times = new Shape(inputs.Shape.N);
        using Tensor x = device.CreateTensor(inputs.Shape, inputs.X), tx = device.CreateTensor(inputs.Shape, inputs.TangentX);
        using Tensor t = device.CreateTensor(times, inputs.T), tt = device.CreateTensor(times, inputs.TangentT);
        using Tensor cotangent = device.CreateTensor(inputs.Shape, inputs.Cotangent);
        using Tensor f = device.CreateTensor(inputs.Shape), jvp = device.CreateTensor(inputs.Shape);
        using Tensor? labels = inputs.Labels is null ? null : device.CreateTensor(times, DType.Int32);
        labels?.Upload<int>(inputs.Labels);
        Tensor y = network.F(program, weights, Copy.Join(program, x, tx), new NetworkConditions(Copy.Join(program, t, tt), labels));
        Copy.Into(program, y.Primal, f);
        Copy.Into(program, y.Tangent, jvp);
        tape.Seed(y, cotangent);
        tape.Backward();
        network.ComputeWeights?.Backward(program, weights);
        program.Run();
        return (f.ToArray(), jvp.ToArray());
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
/// <param name="Name">F, JVP or grad.NAME.</param>
/// <param name="RelativeError">||ours - theirs|| / ||theirs||; not finite if ours is not.</param>
/// <param name="Allowed">Maximum error that passes.</param>
public sealed record FixtureError(string Name, double RelativeError, double Allowed = FixtureCheck.Tolerance)
{
    /// <summary>Whether the error is at most <see cref="Allowed"/>; a NaN does not pass.</summary>
    public bool Passes => RelativeError <= Allowed;
}
