using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class ComputeProgramTests
{
    private static ComputeDevice Cpu => TestDevices.Get("cpu");

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void A_long_chain_needs_the_memory_of_two_tensors(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(3, 64), [.. Enumerable.Range(0, 192).Select(i => i / 100f - 1)]), kept = device.CreateTensor(x.Shape);
        using var program = new ComputeProgram(device) { Checked = true };
        Tensor y = x;
        double[] expected = [.. x.ToArray().Select(v => (double)v)];
        for (int i = 0; i < 20; i++)
        {
            y = ScaledAdd.Apply(program, y, x, 0.5f);
            expected = [.. expected.Zip(x.ToArray(), (a, b) => (a + b) / 2)];
        }

        Copy.Into(program, y, kept);
        program.Run();
        Assert.Equal(2 * 192 * sizeof(float), program.ArenaBytes);
        Assert.True(OpBattery.RelativeError(expected, kept.ToArray()) < 1e-6);
    }

    [Fact]
    public void The_tangent_is_given_up_before_the_primal()
    {
        using var program = new ComputeProgram(Cpu);
        Tensor a = program.Allocate(new Shape(64), hasTangent: true);
        Tensor b = program.Allocate(new Shape(64), hasTangent: true);
        Tensor c = program.Allocate(new Shape(64));
        Touch(program, [], [a]);
        Touch(program, [a], [b]);
        Touch(program, [b], [c]); // a's tangent is done with, its primal is not
        Touch(program, [a.Primal, c], []);
        program.Compile();
        Assert.Equal(4 * 64 * sizeof(float), program.ArenaBytes);
        Assert.Equal(a.Tangent.Storage.Offset + (64 * sizeof(float)), c.Storage.Offset);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_random_graph_gives_the_values_of_a_plain_evaluation(int seed)
    {
        var random = new Random(seed);
        using var program = new ComputeProgram(Cpu) { Checked = true };
        using Tensor one = Cpu.CreateTensor(new Shape(37), [.. Enumerable.Range(0, 37).Select(i => (float)i)]);
        var tensors = new List<Tensor> { one };
        var values = new List<double[]> { Wide(one) };
        var kept = new List<(Tensor Tensor, double[] Values)>();
        for (int i = 0; i < 60; i++)
        {
            int a = random.Next(tensors.Count), b = random.Next(Math.Max(0, tensors.Count - 8), tensors.Count);
            tensors.Add(ScaledAdd.Apply(program, tensors[a], tensors[b], 0.5f));
            values.Add([.. values[a].Zip(values[b], (u, v) => (u + v) / 2)]);
            if (random.Next(4) != 0)
                continue;
            kept.Add((Cpu.CreateTensor(one.Shape), values[^1]));
            Copy.Into(program, tensors[^1], kept[^1].Tensor);
        }

        program.Run();
        program.Run();
        Assert.True(program.ArenaBytes < 45L * 37 * sizeof(float));
        foreach ((Tensor tensor, double[] expected) in kept)
        {
            Assert.True(OpBattery.RelativeError(expected, tensor.ToArray()) < 1e-6);
            tensor.Dispose();
        }
    }

    [Fact]
    public void A_step_that_touches_what_it_did_not_declare_throws_by_name()
    {
        using var program = new ComputeProgram(Cpu) { Checked = true };
        Tensor x = program.Allocate(new Shape(4)), hidden = program.Allocate(new Shape(4));
        Touch(program, [], [hidden]);
        using (program.Layer("enc"))
        using (program.Layer("conv0"))
            program.Emit("sneak.forward", [], [x], _ => hidden.Span.Fill(1), _ => () => { });
        var error = Assert.Throws<InvalidOperationException>(program.Run);
        Assert.Contains("sneak.forward in enc.conv0 (step 1): touches (4)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_that_declares_the_primal_may_not_touch_the_tangent()
    {
        using var program = new ComputeProgram(Cpu) { Checked = true };
        Tensor x = program.Allocate(new Shape(4), hasTangent: true);
        program.Emit("half.forward", [], [x.Primal], _ => x.Primal.Span.Fill(1), _ => () => { });
        program.Emit("half.forward", [x.Primal], [], _ => x.Tangent.Span.Fill(1), _ => () => { });
        Assert.Contains("half.forward (step 1)", Assert.Throws<InvalidOperationException>(program.Run).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Transient_memory_starts_as_NaN_when_checked()
    {
        using var program = new ComputeProgram(Cpu) { Checked = true };
        Tensor x = program.Allocate(new Shape(5), hasTangent: true);
        using Tensor kept = Cpu.CreateTensor(new Shape(10));
        program.Emit("lazy.forward", [], [x], _ => x.Span[1] = 2, _ => () => { });
        Copy.Into(program, x, kept);
        program.Run();
        program.Run();
        Assert.Equal([2f], kept.ToArray().Where(v => !float.IsNaN(v)));
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Running_allocates_no_device_memory_and_disposing_returns_all(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(3, 2, 2, 5));
        long before = device.AllocatedBytes;
        using (var program = new ComputeProgram(device))
        {
            Tensor y = Silu.Apply(program, Resample2d.Up(program, x));
            Concat.Apply(program, y, y);
            Assert.Equal(before, device.AllocatedBytes);
            program.Compile();
            long compiled = device.AllocatedBytes;
            Assert.Equal(before + program.ArenaBytes, compiled);
            program.Run();
            program.Run();
            device.Synchronize();
            Assert.Equal(compiled, device.AllocatedBytes);
        }

        Assert.Equal(before, device.AllocatedBytes);
    }

    [Fact]
    public void Steps_keep_their_order_and_layers()
    {
        using var program = new ComputeProgram(Cpu);
        var ran = new List<string>();
        void Emit(string op) => program.Emit(op, [], [], _ => ran.Add(op), _ => () => { });
        Emit("first");
        using (program.Layer("dec"))
        {
            using (program.Layer("skip"))
                Emit("second");
            Emit("third");
        }

        Emit("fourth");
        program.Run();
        Assert.Equal(["first", "second", "third", "fourth"], ran);
        Assert.Equal(["", "dec.skip", "dec", ""], program.Steps.Select(step => step.Layer));
        Assert.Equal([0, 1, 2, 3], program.Steps.Select(step => step.Index));
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Every_run_sees_the_values_of_the_moment(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(37)), kept = device.CreateTensor(x.Shape);
        using var program = new ComputeProgram(device);
        Tensor y = x;
        for (int i = 0; i < 5; i++)
            y = ScaledAdd.Apply(program, y, x, 1);
        Copy.Into(program, y, kept);
        for (int run = 1; run <= 4; run++)
        {
            Assert.Equal(deviceName == "cuda" && run > 2, program.IsCaptured);
            x.Upload<float>([.. Enumerable.Repeat((float)run, 37)]);
            program.Run();
            Assert.All(kept.ToArray(), value => Assert.Equal(6f * run, value));
        }
    }

    [Theory]
    [MemberData(nameof(TestDevices.Gpu), MemberType = typeof(TestDevices))]
    public void A_step_that_cannot_be_captured_is_named_and_the_device_goes_on(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(5), [1, 2, 3, 4, 5]), y = device.CreateTensor(x.Shape);
        using var program = new ComputeProgram(device);
        for (int i = 0; i < 4; i++)
            Copy.Into(program, x, y);
        using (program.Layer("enc"))
            program.Emit("waits.forward", [], [], _ => { }, gpu => gpu.Synchronize);
        program.Run();
        var error = Assert.Throws<InvalidOperationException>(program.Run);
        Assert.Contains("waits.forward in enc (step 4): cannot be captured", error.Message, StringComparison.Ordinal);
        x.Upload<float>([5, 4, 3, 2, 1]);
        using var other = new ComputeProgram(device);
        Copy.Into(other, x, y);
        other.Run();
        Assert.Equal([5f, 4, 3, 2, 1], y.ToArray());
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Tells_the_time_of_every_step(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor large = device.CreateTensor(new Shape(1 << 20)), copy = device.CreateTensor(large.Shape);
        using var program = new ComputeProgram(device);
        Copy.Into(program, large.Slice(0, new Shape(16)), copy.Slice(0, new Shape(16)));
        Copy.Into(program, large, copy);
        IReadOnlyList<StepTime> times = program.Time(repetitions: 5);
        Assert.Equal(program.Steps, times.Select(time => time.Step));
        Assert.All(times, time => Assert.InRange(time.Seconds, 0, 1));
        Assert.InRange(times[1].Seconds, 1e-7, 1); // 4 MiB are read and written
        Assert.Throws<ArgumentOutOfRangeException>(() => program.Time(0));
    }

    [Fact]
    public void The_time_of_a_step_is_the_median_of_its_own_runs()
    {
        using var program = new ComputeProgram(Cpu);
        int run = 0;
        program.Emit("quick", [], [], _ => { }, _ => () => { });
        program.Emit("slow", [], [], _ => Thread.Sleep(run++ == 1 ? 80 : 20), _ => () => { });
        IReadOnlyList<StepTime> times = program.Time(repetitions: 3);
        Assert.Equal(4, run); // once before the clock starts
        Assert.InRange(times[0].Seconds, 0, 0.015);
        Assert.InRange(times[1].Seconds, 0.019, 0.06);
    }

    [Fact]
    public void Refuses_tensors_of_other_devices_and_programs()
    {
        using Tensor elsewhere = TestDevices.Get("simulator").CreateTensor(new Shape(2));
        using ComputeProgram program = new(Cpu), other = new(Cpu);
        var device = Assert.Throws<ArgumentException>(() => Silu.Apply(program, elsewhere));
        Assert.Contains("silu.forward: a tensor (2) Float32 is on simulator, the program on cpu", device.Message, StringComparison.Ordinal);
        Tensor foreign = other.Allocate(new Shape(2));
        var owner = Assert.Throws<ArgumentException>(() => Silu.Apply(program, foreign));
        Assert.Contains("belongs to another program", owner.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_can_be_added_once_compiled()
    {
        using var program = new ComputeProgram(Cpu);
        program.Compile();
        Assert.Equal(0, program.ArenaBytes);
        Assert.Throws<InvalidOperationException>(() => program.Allocate(new Shape(1)));
        Assert.Throws<InvalidOperationException>(() => Touch(program, [], []));
        Assert.Throws<InvalidOperationException>(program.Compile);
    }

    private static void Touch(ComputeProgram program, ReadOnlySpan<Tensor?> reads, ReadOnlySpan<Tensor?> writes) =>
        program.Emit("touch", reads, writes, _ => { }, _ => () => { });

    private static double[] Wide(Tensor x) => [.. x.ToArray().Select(v => (double)v)];
}
