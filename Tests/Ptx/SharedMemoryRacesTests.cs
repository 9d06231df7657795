using ILGPU;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>A barrier that is missing in a text shows, within a warp too, although the machine runs a warp's lanes side by side.</summary>
public class SharedMemoryRacesTests
{
    private const int Threads = 64;
    private const string Block = "bar.sync 0;", Warp = "bar.warp.sync 0xffffffff;", None = "";

    /// <summary>A kernel sums a neighbour's value, and must not overwrite its own value before the neighbour has read it.</summary>
    [Theory]
    [InlineData(1, Block, Block, true)]
    [InlineData(32, Block, Block, true)]
    [InlineData(1, Warp, Block, false)] // the last lane of a warp reads the next warp's value
    [InlineData(1, None, Block, false)]
    [InlineData(1, Block, None, false)]
    [InlineData(0, None, None, true)]
    public void Reads_of_other_threads_values_want_barriers(int distance, string beforeReads, string beforeWrites, bool right) =>
        Expect(right, () => Run(new ExchangeArguments { Distance = distance, Mask = Threads - 1 }, beforeReads, beforeWrites));

    /// <summary>The lanes of a warp exchange values: a barrier of the warp is enough, and without it the reads race.</summary>
    [Theory]
    [InlineData(Warp, Warp, true)]
    [InlineData(None, Warp, false)]
    [InlineData(Warp, None, false)]
    public void Reads_within_a_warp_want_a_barrier_of_the_warp(string beforeReads, string beforeWrites, bool right) =>
        Expect(right, () => Run(new ExchangeArguments { Distance = 1, Mask = 31 }, beforeReads, beforeWrites));

    /// <summary>One lane's arrival releases the other lanes' writes only after a barrier of the warp.</summary>
    [Theory]
    [InlineData(Warp, true)]
    [InlineData(None, false)]
    public void A_lane_arrives_for_its_warp_only_after_the_warp_has_met(string beforeArrival, bool right) => Expect(right, () => Run(
        new ExchangeArguments { Distance = 32, Mask = Threads - 1 },
        $$"""
        {{beforeArrival}}
        {
        .reg .pred first;
        .reg .b32 lane, barrier;
        mov.u32 lane, %tid.x;
        and.b32 lane, lane, 31;
        setp.eq.u32 first, lane, 0;
        mov.u32 barrier, dynsmem;
        @first mbarrier.arrive.shared::cta.b64 _, [barrier+512];
        WAIT:
        mbarrier.try_wait.parity.shared::cta.b64 first, [barrier+512], 0;
        @!first bra WAIT;
        }
        """,
        Block));

    private static void Expect(bool right, Action run)
    {
        if (right)
            run();
        else
            Assert.Contains("race at", Assert.Throws<InvalidOperationException>(run).Message, StringComparison.Ordinal);
    }

    private static void Run(ExchangeArguments arguments, string beforeReads, string beforeWrites)
    {
        const int valueBytes = Threads * sizeof(float), target = 256;
        var macros = new Dictionary<string, string>
        {
            ["begin"] = """
                {
                .reg .pred first;
                .reg .b32 thread, barrier;
                mov.u32 thread, %tid.x;
                setp.eq.u32 first, thread, 0;
                mov.u32 barrier, dynsmem;
                @first mbarrier.init.shared::cta.b64 [barrier+512], 2;
                bar.sync 0;
                }
                """,
            ["beforeReads"] = beforeReads,
            ["beforeWrites"] = beforeWrites,
            ["store"] = "st.global.f32 [$0], $1;",
        };
        byte[] memory = new byte[target + valueBytes];
        new PtxMachine(new PtxKernelSpec(((Delegate)Exchange).Method, "", "sm_90a", Threads, 520, macros), memory).Run(1, arguments with { Target = target });
        for (int thread = 0; thread < Threads; thread++)
            Assert.Equal((thread & ~arguments.Mask) + ((thread + arguments.Distance) & arguments.Mask), BitConverter.ToSingle(memory, target + sizeof(float) * thread));
    }

    /// <summary>Each thread writes its number, reads another's, and then writes again.</summary>
    [PtxEntry]
    private static void Exchange(ExchangeArguments arguments)
    {
        ArrayView<float> shared = SharedMemory.GetDynamic<float>();
        int thread = Group.IdxX, other = (thread & ~arguments.Mask) + ((thread + arguments.Distance) & arguments.Mask);
        CudaAsm.Emit("@@begin");
        shared[thread] = thread;
        CudaAsm.Emit("@@beforeReads");
        float value = shared[other];
        CudaAsm.Emit("@@beforeWrites");
        shared[thread] = -value;
        CudaAsm.Emit("@@store %0, %1;", arguments.Target + sizeof(float) * thread, value);
    }

    private struct ExchangeArguments
    {
        /// <summary>Address of a number for each thread.</summary>
        public long Target;

        /// <summary>Distance of the other thread; power of two of threads, less one, within which it lies.</summary>
        public int Distance, Mask;
    }
}
