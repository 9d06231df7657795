using TrigFlowNative.Engine;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

public class TensorTests
{
    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Holds_what_was_uploaded_and_starts_as_zeros(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        using Tensor x = device.CreateTensor(new Shape(2, 3));
        Assert.Equal(new float[6], x.ToArray());
        x.Upload<float>([1, 2, 3, 4, 5, 6]);
        Assert.Equal([1f, 2, 3, 4, 5, 6], x.ToArray());
        Assert.Equal([3f, 4], x.Slice(2, new Shape(2)).ToArray());

        using Tensor labels = device.CreateTensor(new Shape(3), DType.Int32), sums = device.CreateTensor(new Shape(2), DType.Float64);
        labels.Upload<int>([-1, 7, int.MinValue]);
        sums.Upload<double>([1e300, double.Epsilon]);
        int[] whole = new int[3];
        double[] wide = new double[2];
        labels.Download<int>(whole);
        sums.Download<double>(wide);
        Assert.Equal([-1, 7, int.MinValue], whole);
        Assert.Equal([1e300, double.Epsilon], wide);
    }

    [Theory]
    [MemberData(nameof(TestDevices.All), MemberType = typeof(TestDevices))]
    public void Gives_its_memory_back_once(string deviceName)
    {
        ComputeDevice device = TestDevices.Get(deviceName);
        long before = device.AllocatedBytes;
        Tensor x = device.CreateTensor(new Shape(1000));
        Assert.Equal(before + 4000, device.AllocatedBytes);
        x.Dispose();
        x.Dispose();
        Assert.Equal(before, device.AllocatedBytes);
    }

    [Fact]
    public void A_dual_tensor_is_its_primal_and_behind_it_its_tangent()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor x = program.Allocate(new Shape(2, 3), hasTangent: true);
        program.Emit("fill", [], [x], _ => { }, _ => () => { });
        program.Compile();
        Assert.Equal((6, 12L, 2, 4), (x.Count, x.StoredCount, x.Shape.N, x.StoredN));
        x.Upload<float>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        Assert.Equal([0f, 1, 2, 3, 4, 5], x.Primal.ToArray());
        Assert.Equal([6f, 7, 8, 9, 10, 11], x.Tangent.ToArray());
        Assert.Equal([6f, 7, 8, 9, 10, 11], x.Reshape(6).Tangent.ToArray());
        Assert.Same(x.Primal.Storage, x.Storage);
        Assert.Equal(x.Place, x.Primal.Place);
        Assert.NotEqual(x.Place, x.Tangent.Place);
        Assert.Throws<InvalidOperationException>(() => x.Slice(0, new Shape(2)));
        Assert.Throws<InvalidOperationException>(() => x.Primal.Tangent);
    }

    [Fact]
    public void Refuses_views_that_do_not_fit()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using Tensor x = device.CreateTensor(new Shape(2, 3));
        Assert.Throws<ArgumentException>(() => x.Reshape(4));
        Assert.Throws<ArgumentException>(() => x.Slice(4, new Shape(3)));
        Assert.Throws<ArgumentException>(() => x.Slice(-1, new Shape(3)));
        Assert.Throws<ArgumentException>(() => x.Upload<float>(new float[5]));
        Assert.Throws<ArgumentException>(() => x.Download<float>(new float[7]));
        Assert.Throws<InvalidOperationException>(() => x.SpanOf<double>());
        Assert.Throws<InvalidOperationException>(() => x.View);
        using Tensor labels = device.CreateTensor(new Shape(2), DType.Int32);
        Assert.Throws<InvalidOperationException>(() => labels.Span.Length);
    }

    [Fact]
    public void Refuses_counts_that_kernels_cannot_index()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Assert.Throws<TensorLimitException>(() => program.Allocate(new Shape(1 << 16, 1 << 15)));
        Assert.Throws<TensorLimitException>(() => program.Allocate(new Shape(1 << 15, 1 << 15), hasTangent: true));
        Assert.Equal(1 << 30, program.Allocate(new Shape(1 << 15, 1 << 15)).Count); // transient: no memory before compiling
    }

    [Fact]
    public void Has_no_memory_before_its_program_is_compiled()
    {
        using var program = new ComputeProgram(TestDevices.Get("cpu"));
        Tensor x = program.Allocate(new Shape(2));
        Assert.Contains("before its program is compiled", Assert.Throws<InvalidOperationException>(() => x.ToArray()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_access_to_accelerator_memory_throws()
    {
        using Tensor x = TestDevices.Get("simulator").CreateTensor(new Shape(2));
        Assert.Throws<InvalidOperationException>(() => x.Span.Length);
    }
}
