namespace TrigFlowNative.Training.Data;

/// <summary>The outlines of <see cref="SyntheticEmblems"/>, the first of them those of <see cref="ShapeKind"/>.</summary>
internal enum EmblemKind
{
    Disc,
    Ring,
    Square,
    Triangle,
    Cross,
    Star,
    Heart,
    Crescent,
    Hexagon,
    Flower,
}

/// <summary>What fills an outline of <see cref="SyntheticEmblems"/>.</summary>
internal enum EmblemPattern
{
    Plain,
    Striped,
    Checked,
    Dotted,
}
