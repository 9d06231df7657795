using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>The widths of a DINOv2 vision transformer, as the shapes of its tensors tell them.</summary>
/// <param name="Width">Channels of a token.</param>
/// <param name="Heads">Heads of each attention.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="Hidden">Channels between the two layers of a block's MLP.</param>
/// <param name="Patch">Pixels a side of a patch.</param>
/// <param name="Grid">Patches a side for which the file has positions.</param>
internal sealed record DinoConfig(int Width, int Heads, int Depth, int Hidden, int Patch, int Grid)
{
    private const int HeadWidth = 64, MaxDepth = 64;

    /// <summary>Name of the network: that of its authors where it has one.</summary>
    public string Name => (Width, Depth, Patch) switch
    {
        (384, 12, 14) => "dinov2-vits14",
        (768, 12, 14) => "dinov2-vitb14",
        (1024, 24, 14) => "dinov2-vitl14",
        _ => $"dinov2-{Width}x{Depth}",
    };

    /// <summary>Reads the widths and checks the shape of every tensor.</summary>
    /// <param name="tensors">The tensors.</param>
    /// <param name="heads">Number of heads; null for heads of 64 channels, as all DINOv2 networks have.</param>
    /// <exception cref="InvalidFileException">A tensor is missing, unknown, or of another shape than the others imply.</exception>
    public static DinoConfig Read(FeatureTensors tensors, int? heads = null)
    {
        int[] patch = tensors.Extents("patch_embed.proj.weight", 4);
        int width = patch[0], depth = 0, positions = tensors.Extents("pos_embed", 3)[1], grid = (int)Math.Sqrt(positions - 1);
        while (depth < MaxDepth && tensors.Has($"blocks.{depth}.norm1.weight"))
            depth++;
        if (depth == 0)
            throw tensors.Refused("has no blocks.0.norm1.weight: no vision transformer of DINOv2");
        if (heads is null && width % HeadWidth != 0)
            throw tensors.Refused($"its tokens have {width} channels, which do not fall into heads of {HeadWidth}");
        if (grid < 1 || grid * grid + 1 != positions)
            throw tensors.Refused($"tensor 'pos_embed' has {positions} positions, which are not one and a square");
        var config = new DinoConfig(width, heads ?? width / HeadWidth, depth, tensors.Extents("blocks.0.mlp.fc1.weight", 2)[0], patch[2], grid);
        config.Check(tensors);
        return config;
    }

    private void Check(FeatureTensors tensors)
    {
        tensors.Expect("patch_embed.proj.weight", Width, 3, Patch, Patch);
        tensors.Expect("cls_token", 1, 1, Width);
        tensors.Expect("pos_embed", 1, 1 + Grid * Grid, Width);
        Vector("patch_embed.proj.bias", Width);
        Norm("norm");
        for (int i = 0; i < Depth; i++)
        {
            string block = $"blocks.{i}.";
            Norm($"{block}norm1");
            Norm($"{block}norm2");
            Layer($"{block}attn.qkv", 3 * Width, Width);
            Layer($"{block}attn.proj", Width, Width);
            Layer($"{block}mlp.fc1", Hidden, Width);
            Layer($"{block}mlp.fc2", Width, Hidden);
            Vector($"{block}ls1.gamma", Width);
            Vector($"{block}ls2.gamma", Width);
        }

        tensors.RefuseOthers("a vision transformer of DINOv2 without registers", name => name == "mask_token");

        void Layer(string name, int outputs, int inputs)
        {
            tensors.Expect($"{name}.weight", outputs, inputs);
            Vector($"{name}.bias", outputs);
        }

        void Norm(string name)
        {
            Vector($"{name}.weight", Width);
            Vector($"{name}.bias", Width);
        }

        void Vector(string name, int length) => tensors.Expect(name, length);
    }
}
