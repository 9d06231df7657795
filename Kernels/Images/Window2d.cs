using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>
/// The window that a convolution or a pool moves over images: its extents, its step, and how far it may reach beyond each border. Output pixel (h, w) sees the input
/// pixels from (Stride h - Top, Stride w - Left) on.
/// </summary>
/// <param name="Height">Height of the window, at least 1.</param>
/// <param name="Width">Width of the window, at least 1.</param>
/// <param name="Stride">Step in both directions, at least 1.</param>
public readonly record struct Window2d(int Height, int Width, int Stride = 1)
{
    /// <summary>Pixels beyond the upper border, fewer than <see cref="Height"/>.</summary>
    public int Top { get; init; }

    /// <summary>Pixels beyond the left border, fewer than <see cref="Width"/>.</summary>
    public int Left { get; init; }

    /// <summary>Pixels beyond the lower border, fewer than <see cref="Height"/>.</summary>
    public int Bottom { get; init; }

    /// <summary>Pixels beyond the right border, fewer than <see cref="Width"/>.</summary>
    public int Right { get; init; }

    /// <summary>The window of one pixel, of a layer over channels alone.</summary>
    public static Window2d Point => new(1, 1);

    /// <summary>A window of odd extents and step 1 that keeps the extents of the images.</summary>
    public static Window2d Same(int height, int width) => new(height, width)
    {
        Top = (height - 1) / 2,
        Bottom = (height - 1) / 2,
        Left = (width - 1) / 2,
        Right = (width - 1) / 2,
    };

    /// <summary>Whether every output pixel is made of one input pixel, in the same order.</summary>
    internal bool IsPoint => this == Point;

    /// <summary>Whether no window reaches beyond a border.</summary>
    internal bool StaysInside => Top == 0 && Left == 0 && Bottom == 0 && Right == 0;

    /// <summary>Height of the output of images (N, H, W, C).</summary>
    public int OutputHeight(Shape images) => (images.H + Top + Bottom - Height) / Stride + 1;

    /// <summary>Width of the output of images (N, H, W, C).</summary>
    public int OutputWidth(Shape images) => (images.W + Left + Right - Width) / Stride + 1;

    /// <summary>Shape of the output of images (N, H, W, C).</summary>
    /// <exception cref="ArgumentException">The images are not (N, H, W, C), the window is none, or it is larger than the images with their borders.</exception>
    internal Shape Output(string op, Tensor images, int channels)
    {
        if (images.Shape.Rank != 4)
            throw new ArgumentException($"{op}: {images} is not (N, H, W, C)");
        if (Height < 1 || Width < 1 || Stride < 1 || Out(Top, Height) || Out(Bottom, Height) || Out(Left, Width) || Out(Right, Width))
            throw new ArgumentException($"{op}: {this} is no window: extents and stride are at least 1, and it reaches beyond a border by less than its extent");
        return images.Shape.H + Top + Bottom < Height || images.Shape.W + Left + Right < Width
            ? throw new ArgumentException($"{op}: {this} is larger than {images} with its borders")
            : new Shape(images.Shape.N, OutputHeight(images.Shape), OutputWidth(images.Shape), channels);

        static bool Out(int beyond, int extent) => beyond < 0 || beyond >= extent;
    }
}
