using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Images, output and window in the form that kernels take. Channels may be counted in packs.</summary>
internal struct WindowExtents
{
    /// <summary>Extents of the input.</summary>
    public int H, W, C;

    /// <summary>Extents of the output, the channels of one of its pixels, and the first of them that is written.</summary>
    public int OutH, OutW, OutC, First;

    /// <summary>The window.</summary>
    public int R, S, Stride, Top, Left;

    /// <summary>Returns the extents of an op from x (N, H, W, C) to the channels of y (N, H', W', C') from <paramref name="first"/> on.</summary>
    public static WindowExtents Of(Shape x, Shape y, Window2d window, int first) => new()
    {
        H = x.H,
        W = x.W,
        C = x.C,
        OutH = y.H,
        OutW = y.W,
        OutC = y.C,
        First = first,
        R = window.Height,
        S = window.Width,
        Stride = window.Stride,
        Top = window.Top,
        Left = window.Left,
    };
}
