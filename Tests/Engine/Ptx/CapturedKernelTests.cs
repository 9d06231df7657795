using System.Runtime.CompilerServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>The kernels that an action launches, as the driver's graph lists them.</summary>
public class CapturedKernelTests
{
    private const int CudaNodeBytes = 72; // sizeof(CUDA_KERNEL_NODE_PARAMS_v2)

    private static readonly PtxKernelSpec Storing = new(
        ((Delegate)Store).Method, "of one", "sm_80", Threads: 64, SharedBytes: 1 << 10, new Dictionary<string, string> { ["store"] = "st.global.u32 [$0], 1;" });

    public static TheoryData<string> Gpu => TestDevices.Gpu;

    [Theory]
    [InlineData("Kernel_ForwardKernel", "ForwardKernel")]
    [InlineData("Kernel_Forward_Kernel_12", "Forward_Kernel")]
    [InlineData("fill_kernel", "fill_kernel")]
    [InlineData("Kernel", "Kernel")]
    [InlineData("Kernel_7", "7")]
    public void An_entry_is_named_as_its_author_named_it(string entry, string method) => Assert.Equal(method, CapturedKernel.MethodOf(entry));

    [Fact]
    public void A_node_of_a_kernel_is_as_long_as_the_driver_writes_it() => Assert.Equal(CudaNodeBytes, Unsafe.SizeOf<CudaDriver.KernelNode>());

    [Theory]
    [MemberData(nameof(Gpu))]
    public void Kernels_with_inline_ptx_and_those_that_ilgpu_launches_are_found_in_order(string device)
    {
        var gpu = (GpuDevice)TestDevices.Get(device);
        using Tensor source = gpu.CreateTensor(new Shape(8)), target = gpu.CreateTensor(new Shape(8));
        using var program = new ComputeProgram(gpu);
        Cast.Into(program, source, target);
        program.Compile();
        var kernel = PtxKernel.Load(gpu, Storing);
        void Launch()
        {
            program.Steps[0].Run();
            kernel.Launch(1, target.Address);
            kernel.Launch(2, target.Address);
        }

        Launch();
        IReadOnlyList<CapturedKernel> found = CapturedKernel.Of(gpu, Launch);
        Assert.Equal(3, found.Count);
        Assert.True(found[0] is { Registers: > 0, ResidentBlocks: > 0, Threads: > 0 } && found[0].Name.EndsWith("Kernel", StringComparison.Ordinal), $"{found[0]}");
        Assert.Equal(("Store of one", 64, kernel.RegisterCount, 1 << 10, kernel.ResidentBlocks), (found[1].Name, found[1].Threads, found[1].Registers, found[1].SharedBytes, found[1].ResidentBlocks));
        Assert.Same(found[1], found[2]);
    }

    private static void Store(long target) => ILGPU.Runtime.Cuda.CudaAsm.Emit("@@store %0;", target);
}
