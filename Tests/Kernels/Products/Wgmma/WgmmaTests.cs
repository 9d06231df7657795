using System.Reflection;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Checks of the products on Hopper's tensor cores without a GPU.</summary>
public class WgmmaTests
{
    private static readonly MethodInfo Accumulate = ((Delegate)WgmmaWeightGradient.Accumulate).Method;

    public static TheoryData<int, bool, bool, bool, int> Variants
    {
        get
        {
            var data = new TheoryData<int, bool, bool, bool, int>();
            foreach (int columns in new[] { 8, 24, 40, 56, 64, 128, 192, 256 })
            {
                data.Add(columns, false, false, false, 1);
                data.Add(columns, true, true, false, 1);
                data.Add(columns, false, false, true, 1);
            }

            data.Add(128, true, true, false, 2);
            data.Add(256, false, false, false, 2);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void The_text_of_a_tile_is_complete_and_fits(int columns, bool transposed, bool residual, bool fp32, int cluster)
    {
        WgmmaTile tile = WgmmaTiles.Of(columns, cluster) with { TransposeB = transposed, Residual = residual, Fp32Output = fp32 };
        string text = Complete(WgmmaProduct.Specification(tile));
        Assert.Equal(4, Count(text, $"m64n{columns}k16.f32.bf16.bf16"));
        Assert.Equal(transposed ? 4 : 0, Count(text, "always, 1, 1, 0, 1;"));
        Assert.Equal(fp32 ? 0 : (columns / 8 + 1) / 2, Count(text, "stmatrix.")); // two runs of eight columns each, a chunk of 64 at a time
        Assert.Equal(fp32 ? 2 * (columns / 8) : 0, Count(text, "st.global.v2.f32"));
        Assert.InRange(tile.SharedBytes, 1, 227 * 1024);
        Assert.InRange(tile.Stages, 4, 8);
    }

    [Fact]
    public void A_macro_that_is_not_given_is_named()
    {
        var macros = new Dictionary<string, string> { ["declare"] = "", ["declareCopies"] = "", ["takeRegisters"] = "" };
        Assert.Contains("clear", Assert.Throws<ArgumentException>(() => PtxSource.Compile(Accumulate, "sm_90a", 384, macros)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(1, 1, 65536)]
    [InlineData(256, 32, 32)]
    [InlineData(512, 8, 8)]
    [InlineData(3, 13, 11)]
    [InlineData(100, 28, 28)]
    [InlineData(1, 300, 2)]
    public void Boxes_cover_every_pixel_once(int n, int h, int w)
    {
        var e = new ConvExtents { N = n, H = h, W = w, C = 8, K = 8, R = 3 };
        var box = PixelBox.Covering(e, WgmmaTile.Rows);
        Assert.Equal(WgmmaTile.Rows, box.Pixels);
        Assert.Equal(WgmmaTile.Rows / 2, box.Half.Pixels);
        Assert.Equal(1 << box.WidthLog, box.Width);
        Assert.Equal(1 << box.HeightLog, box.Height);
        int down = box.Down(e), across = box.Across(e);
        Assert.InRange(across * box.Width, w, w + box.Width - 1);
        Assert.InRange(down * box.Height, h, h + box.Height - 1);
        Assert.InRange(box.Count(e) / (across * down) * box.Images, n, n + box.Images - 1);
    }

    [Fact]
    public void A_box_wastes_nothing_where_nothing_need_be_wasted()
    {
        foreach (int size in (int[])[8, 16, 32, 64, 28, 24])
        {
            var e = new ConvExtents { N = 128, H = size, W = size, C = 8, K = 8, R = 3 };
            Assert.Equal(e.Pixels / WgmmaTile.Rows, PixelBox.Covering(e, WgmmaTile.Rows).Count(e));
        }
    }

    private static string Complete(PtxKernelSpec specification)
    {
        (string text, string entry) = specification.Compile();
        Assert.DoesNotContain("@@", text, StringComparison.Ordinal);
        Assert.DoesNotContain("$", text.Replace("$L_", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains($".visible .entry {entry}", text, StringComparison.Ordinal);
        Assert.Contains(".target sm_90a", text, StringComparison.Ordinal);
        Assert.Contains(".maxntid 384, 1, 1\n.minnctapersm 1\n{", text, StringComparison.Ordinal);
        return text;
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
