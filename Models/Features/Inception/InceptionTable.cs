using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// The layers of Inception-v3 (arXiv:1512.00567) in the form of 2015-12-05 on which FID is defined (arXiv:1706.08500), under the names of pytorch-fid. It differs
/// from other programs' Inception-v3: average pools leave out the padding, and the pool of the last block takes the maximum.
/// </summary>
internal static class InceptionTable
{
    private static readonly Window2d PoolDown = new(3, 3, 2);
    private static readonly InceptionStep Average = new InceptionPool(PoolKind.Average, Window2d.Same(3, 3)), MaxSame = new InceptionPool(PoolKind.Max, Window2d.Same(3, 3));

    /// <summary>The layers before the first block, in order; the names of pools are those of the tensors that they make.</summary>
    public static IReadOnlyList<(string Name, InceptionStep Step)> Stem { get; } =
    [
        ("Conv2d_1a_3x3", Conv("Conv2d_1a_3x3", 32, new(3, 3, 2))), ("Conv2d_2a_3x3", Conv("Conv2d_2a_3x3", 32, new(3, 3))),
        ("Conv2d_2b_3x3", Conv("Conv2d_2b_3x3", 64, Window2d.Same(3, 3))), ("MaxPool_1", Down()), ("Conv2d_3b_1x1", Conv("Conv2d_3b_1x1", 80)),
        ("Conv2d_4a_3x3", Conv("Conv2d_4a_3x3", 192, new(3, 3))), ("MaxPool_2", Down()),
    ];

    /// <summary>The blocks in order.</summary>
    public static IReadOnlyList<InceptionBlock> Blocks { get; } =
    [
        A("Mixed_5b", 32), A("Mixed_5c", 64), A("Mixed_5d", 64), B("Mixed_6a"), C("Mixed_6b", 128), C("Mixed_6c", 160), C("Mixed_6d", 160), C("Mixed_6e", 192),
        D("Mixed_7a"), E("Mixed_7b", Average), E("Mixed_7c", MaxSame),
    ];

    private static InceptionBlock A(string name, int pool) => new(name,
    [
        [Conv("branch1x1", 64)],
        [Conv("branch5x5_1", 48), Conv("branch5x5_2", 64, Window2d.Same(5, 5))],
        [Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, Window2d.Same(3, 3)), Conv("branch3x3dbl_3", 96, Window2d.Same(3, 3))],
        [Average, Conv("branch_pool", pool)],
    ]);

    private static InceptionBlock B(string name) => new(name,
    [
        [Conv("branch3x3", 384, new(3, 3, 2))],
        [Conv("branch3x3dbl_1", 64), Conv("branch3x3dbl_2", 96, Window2d.Same(3, 3)), Conv("branch3x3dbl_3", 96, new(3, 3, 2))],
        [Down()],
    ]);

    private static InceptionBlock C(string name, int channels) => new(name,
    [
        [Conv("branch1x1", 192)],
        [Conv("branch7x7_1", channels), Row("branch7x7_2", channels, 7), Column("branch7x7_3", 192, 7)],
        [
            Conv("branch7x7dbl_1", channels), Column("branch7x7dbl_2", channels, 7), Row("branch7x7dbl_3", channels, 7), Column("branch7x7dbl_4", channels, 7),
            Row("branch7x7dbl_5", 192, 7),
        ],
        [Average, Conv("branch_pool", 192)],
    ]);

    private static InceptionBlock D(string name) => new(name,
    [
        [Conv("branch3x3_1", 192), Conv("branch3x3_2", 320, new(3, 3, 2))],
        [Conv("branch7x7x3_1", 192), Row("branch7x7x3_2", 192, 7), Column("branch7x7x3_3", 192, 7), Conv("branch7x7x3_4", 192, new(3, 3, 2))],
        [Down()],
    ]);

    private static InceptionBlock E(string name, InceptionStep pool) => new(name,
    [
        [Conv("branch1x1", 320)],
        [Conv("branch3x3_1", 384), new InceptionFork(Row("branch3x3_2a", 384, 3), Column("branch3x3_2b", 384, 3))],
        [
            Conv("branch3x3dbl_1", 448), Conv("branch3x3dbl_2", 384, Window2d.Same(3, 3)),
            new InceptionFork(Row("branch3x3dbl_3a", 384, 3), Column("branch3x3dbl_3b", 384, 3)),
        ],
        [pool, Conv("branch_pool", 192)],
    ]);

    private static InceptionConv Conv(string name, int channels, Window2d? window = null) => new(name, channels, window ?? Window2d.Point);

    private static InceptionConv Row(string name, int channels, int width) => new(name, channels, Window2d.Same(1, width));

    private static InceptionConv Column(string name, int channels, int height) => new(name, channels, Window2d.Same(height, 1));

    private static InceptionPool Down() => new(PoolKind.Max, PoolDown);
}

/// <summary>A step of a branch.</summary>
internal abstract record InceptionStep;

/// <summary>A convolution, batch norm and ReLU.</summary>
/// <param name="Name">Name within the block.</param>
/// <param name="Channels">Outputs at full width.</param>
/// <param name="Window">The window.</param>
internal sealed record InceptionConv(string Name, int Channels, Window2d Window) : InceptionStep;

/// <summary>A pool.</summary>
internal sealed record InceptionPool(PoolKind Kind, Window2d Window) : InceptionStep;

/// <summary>Two convolutions of the same tensor, whose outputs are joined in this order; the last step of a branch.</summary>
internal sealed record InceptionFork(InceptionConv First, InceptionConv Second) : InceptionStep;

/// <summary>Branches of the same tensor, whose outputs are joined along channels in this order.</summary>
internal sealed record InceptionBlock(string Name, InceptionStep[][] Branches);
