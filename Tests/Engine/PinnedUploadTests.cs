using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class PinnedUploadTests
{
    /// <summary>Far more copies than buffers, each behind a run that is slow enough for the host to get ahead.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Every_launch_sees_the_values_written_just_before(string deviceName)
    {
        const int Count = 1 << 16, Runs = 4 * PinnedUpload.Buffers + 1;
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(Count));
        using var upload = new PinnedUpload(x);
        Tensor[] kept = [.. Enumerable.Range(0, Runs).Select(_ => device.CreateTensor(x.Shape))];
        ComputeProgram[] programs = [.. kept.Select(target =>
        {
            var program = new ComputeProgram(device);
            Copy.Into(program, x, target);
            program.Run(); // before the clock matters, so that nothing is loaded below
            return program;
        })];
        float[] values = new float[Count];
        for (int run = 0; run < Runs; run++)
        {
            Array.Fill(values, run + 1f);
            upload.Write<float>(values);
            Array.Fill(values, -1f); // the buffers hold the values now, not this array
            programs[run].Run();
        }

        for (int run = 0; run < Runs; run++)
        {
            Assert.All(kept[run].ToArray(), value => Assert.Equal(run + 1f, value));
            programs[run].Dispose();
            kept[run].Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Refuses_another_length_and_transient_tensors(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(4));
        using var upload = new PinnedUpload(x);
        Assert.Throws<ArgumentException>(() => upload.Write<float>([1, 2, 3]));
        using var program = new ComputeProgram(device);
        Tensor transient = program.Allocate(new Shape(4));
        Assert.Throws<ArgumentException>(() => new PinnedUpload(transient));
    }
}
