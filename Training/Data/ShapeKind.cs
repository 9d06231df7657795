namespace TrigFlowNative.Training.Data;

/// <summary>The classes of <see cref="SyntheticShapes"/>; the values are the labels.</summary>
public enum ShapeKind
{
    /// <summary>A filled circle.</summary>
    Disc,

    /// <summary>A circle with a hole.</summary>
    Ring,

    /// <summary>A square in any rotation.</summary>
    Square,

    /// <summary>An equilateral triangle, any way up.</summary>
    Triangle,

    /// <summary>A plus sign, tilted at random.</summary>
    Cross,

    /// <summary>A moon, lit from a random side.</summary>
    Crescent,
}
