using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>On the host, a plain loop suffices for one time per sample.</summary>
public static partial class SinCos
{
    private static void ForwardCpu(Tensor t, Tensor cos, Tensor sin, Tensor product)
    {
        for (int n = 0; n < t.Count; n++)
        {
            DeviceMath.Angle angle = DeviceMath.SinCos(t.Span[n]);
            cos.Span[n] = angle.Cos;
            sin.Span[n] = angle.Sin;
            product.Span[n] = angle.Cos * angle.Sin;
        }
    }
}
