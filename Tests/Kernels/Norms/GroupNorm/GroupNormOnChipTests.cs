using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Checks of the fast kernels without a GPU: their division of activations, and their text.</summary>
public class GroupNormOnChipTests
{
    public static TheoryData<int, int, int> Activations
    {
        get
        {
            var data = new TheoryData<int, int, int>();
            foreach (int images in (int[])[1, 7, 256])
                foreach (int extent in (int[])[1, 3, 8, 16, 32, 64])
                    foreach (int channels in (int[])[8, 24, 40, 64, 128, 192, 256, 384, 512, 576, 768])
                        data.Add(images, extent, channels);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Activations))]
    public void Tilings_cover_an_activation_and_fit_a_multiprocessor(int images, int extent, int channels)
    {
        int groups = Math.Min(32, channels / 4);
        foreach (bool hopper in (bool[])[false, true])
        {
            if (OnChipTiling.For(new Shape(images, extent, extent, channels), groups, hopper, multiprocessors: 132) is not { } tiling)
            {
                Assert.False(hopper && extent <= 32, "no tiling");
                continue;
            }

            Assert.Equal(0, channels % tiling.Channels);
            Assert.Equal(0, tiling.Channels % (channels / groups));
            Assert.Equal(0, tiling.Threads % 32);
            Assert.InRange(tiling.Threads, tiling.Channels, 512); // a thread for each channel
            Assert.Equal(0, tiling.Rows % 8);
            Assert.InRange(tiling.Steps * tiling.Rows * tiling.Cluster, extent * extent, int.MaxValue);
            Assert.InRange(tiling.SharedBytes(2), 1, (hopper ? 227 : 99) << 10);
            Assert.InRange(tiling.Cluster, 1, hopper ? 8 : 1);
        }
    }

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    public void Text_moves_sixteen_bytes_at_a_time_and_keeps_to_registers(bool first, bool silu, bool dropping)
    {
        var tiling = new OnChipTiling(Vectors: 2, Rows: 128, Cluster: 2, Steps: 4);
        foreach (PtxKernelSpec spec in (PtxKernelSpec[])[GroupNormPtx.Forward(tiling, "sm_90a", first, silu, dropping), GroupNormPtx.Backward(tiling, "sm_90a", silu, first, silu, dropping)])
        {
            string text = spec.Compile().Text;
            Assert.DoesNotContain("@@", text, StringComparison.Ordinal);
            Assert.DoesNotContain(".local", text, StringComparison.Ordinal);
            Assert.DoesNotContain("call", text, StringComparison.Ordinal);
            bool forward = spec.Method.Name == nameof(GroupNorm.OnChipForwardKernel);
            Assert.Equal(!forward || first ? 2 : 1, Count(text, "cp.async.cg"));
            Assert.Equal(forward && first ? 2 : 1, Count(text, "st.global.v4"));
            Assert.Equal(dropping ? 40 : 0, Count(text, "mul.wide.u32 product"));
            Assert.Equal(silu ? 8 : 0, Count(text, "tanh.approx")); // once an element: backward keeps dh
        }
    }

    private static int Count(string text, string instruction) => text.Split(instruction).Length - 1;
}
