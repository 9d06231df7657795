using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Tests.Models;

/// <summary>
/// Data whose every pixel is N(Mean, Deviation^2) in units of sigma_data: everything is known in closed form. With V = cos^2 t s^2 +
/// sin^2 t, u_t is N(cos t m, V), the optimal F is E[cos t z - sin t x_0 | u_t], and the flow keeps (u_t - cos t m) / sqrt(V).
/// </summary>
internal sealed record GaussianData(double Mean, double Deviation)
{
    public static readonly Shape Image = new(1, 3, 5, 2);

    /// <summary>E[cos t z - sin t x_0 | u_t = u].</summary>
    public double Velocity(double u, double t)
    {
        (double cos, double sin) = (Math.Cos(t), Math.Sin(t));
        double residual = (u - cos * Mean) / Variance(t);
        return cos * sin * residual - sin * (Mean + cos * Deviation * Deviation * residual);
    }

    /// <summary>Where the flow through u at time t ends, at time 0: the consistency function.</summary>
    public double End(double u, double t) => Mean + Deviation * (u - Math.Cos(t) * Mean) / Math.Sqrt(Variance(t));

    /// <summary>The optimal diffusion model.</summary>
    public TrigFlowModel DiffusionModel(ComputeDevice device, float sigmaData = 0.5f) => Network(device, Velocity, sigmaData);

    /// <summary>The exact consistency model: F = (cos t u - f(u, t)) / sin t.</summary>
    public TrigFlowModel ConsistencyModel(ComputeDevice device, float sigmaData = 0.5f) =>
        Network(device, (u, t) => (Math.Cos(t) * u - End(u, t)) / Math.Sin(t), sigmaData, ModelKind.Consistency);

    /// <summary>A model from a function of (u, t), or of (u, t, class).</summary>
    public static TrigFlowModel Network(ComputeDevice device, Func<double, double, double> f, float sigmaData = 0.5f, ModelKind kind = ModelKind.Diffusion) =>
        Network(device, (u, t, _) => f(u, t), sigmaData, labelCount: 0, kind);

    public static TrigFlowModel Network(ComputeDevice device, Func<double, double, int, double> f, float sigmaData, int labelCount, ModelKind kind = ModelKind.Diffusion)
    {
        var network = new ClosedForm(f, labelCount);
        return new TrigFlowModel(network, network.CreateSlab(device), sigmaData, kind);
    }

    private double Variance(double t) => Math.Pow(Math.Cos(t) * Deviation, 2) + Math.Pow(Math.Sin(t), 2);

    private sealed class ClosedForm(Func<double, double, int, double> f, int labelCount) : TestNetwork(Image, labelCount)
    {
        protected override Tensor Record(ComputeProgram program, ParameterSlab weights, Tensor x, Tensor t, Tensor? labels)
        {
            Tensor y = program.AllocateLike(x);
            program.Emit("closed-form", [x, t, labels], [y], _ =>
            {
                int pixels = x.Count / x.Shape.N;
                for (int i = 0; i < x.Count; i++)
                    y.Span[i] = (float)f(x.Span[i], t.Span[i / pixels], labels is null ? -1 : labels.SpanOf<int>()[i / pixels]);
            }, _ => throw new NotSupportedException("closed forms are evaluated on the host"));
            return y;
        }
    }
}
