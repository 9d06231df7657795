using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class PinnedDownloadTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Brings_what_was_there_when_the_copy_was_queued(string deviceName)
    {
        const int Count = 1 << 16;
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(Count)), first = device.CreateTensor(x.Shape), second = device.CreateTensor(x.Shape);
        first.Upload<float>([.. Enumerable.Range(0, Count).Select(i => (float)i)]);
        second.Upload<float>([.. Enumerable.Repeat(-1f, Count)]);
        using var download = new PinnedDownload(x);
        using ComputeProgram fill = CopyOf(first), overwrite = CopyOf(second);
        for (int run = 0; run < 3; run++)
        {
            fill.Run();
            download.Start();
            overwrite.Run(); // behind the copy
            Assert.Equal(first.ToArray(), download.Wait().ToArray());
        }

        Assert.Equal(-1f, x.ToArray()[0]);

        ComputeProgram CopyOf(Tensor source)
        {
            var program = new ComputeProgram(device);
            Copy.Into(program, source, x);
            return program;
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Refuses_transient_tensors_and_other_types(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using var program = new ComputeProgram(device);
        using Tensor integers = device.CreateTensor(new Shape(4), DType.Int32);
        Assert.Throws<ArgumentException>(() => new PinnedDownload(program.Allocate(new Shape(4))));
        Assert.Throws<ArgumentException>(() => new PinnedDownload(integers));
    }
}
