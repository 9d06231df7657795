namespace TrigFlowNative.Training.Data;

/// <summary>The classes of <see cref="SyntheticShapes"/>; the values are the labels.</summary>
public enum ShapeKind
{
    /// <summary>A filled circle.</summary>
    Disc,

    /// <summary>A circle with a hole.</summary>
    Ring,

    /// <summary>An upright square.</summary>
    Square,

    /// <summary>An equilateral triangle.</summary>
    Triangle,

    /// <summary>A plus sign.</summary>
    Cross,
}
