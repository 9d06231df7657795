using System.Collections.Concurrent;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using Xunit;

namespace TrigFlowNative.Tests.Models;

/// <summary>A pool under load gives each draw the bits that it has alone, whoever else draws, fails, waits, gives up or disposes.</summary>
public class SamplerPoolTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Sixteen_threads_get_the_images_that_one_gets(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        const int draws = 40;
        long before = device.AllocatedBytes;
        using (TrigFlowModel model = SamplerNetwork.Model(device, labelCount: 3))
        {
            float[][] expected;
            using (var alone = new ConsistencySampler(model, batch: 2))
                expected = [.. Enumerable.Range(0, 16).Select(seed => alone.Sample(3, (ulong)seed, [0, 1, 2], first: seed))];
            Assert.NotEqual(expected[0], expected[1]);
            using var pool = new SamplerPool(model, m => new ConsistencySampler(m, batch: 2), size: 4);
            OnThreads(16, thread =>
            {
                for (int i = 0; i < draws; i++)
                {
                    int seed = (thread * 5 + i) % 16;
                    float[] drawn = i % 3 == 0
                        ? pool.SampleAsync(3, (ulong)seed, new[] { 0, 1, 2 }, first: seed).GetAwaiter().GetResult()
                        : pool.Sample(3, (ulong)seed, [0, 1, 2], first: seed);
                    Assert.Equal(expected[seed], drawn);
                }
            });
            Assert.InRange(pool.Samplers, 1, 4);
        }

        Assert.Equal(before, device.AllocatedBytes);
    }

    /// <summary>Programs are recorded, run for the first time and captured by several threads at once, which needs the device's gate.</summary>
    [Theory]
    [MemberData(nameof(TestDevices.Fast), MemberType = typeof(TestDevices))]
    public void Samplers_of_several_models_are_made_and_drawn_from_by_threads_at_once(string name)
    {
        ComputeDevice device = TestDevices.Get(name);
        using TrigFlowModel diffusion = SamplerNetwork.Model(device, labelCount: 2, ModelKind.Diffusion), consistency = SamplerNetwork.Model(device, labelCount: 2);
        float[] first = Draw(new DiffusionSampler(diffusion, steps: 4, guidance: 2, batch: 2)), second = Draw(new ConsistencySampler(consistency, batch: 3));
        OnThreads(8, thread =>
        {
            for (int i = 0; i < 10; i++)
                Assert.Equal(thread % 2 == 0 ? first : second, Draw(thread % 2 == 0 ? new DiffusionSampler(diffusion, steps: 4, guidance: 2, batch: 2) : new ConsistencySampler(consistency, batch: 3)));
        });

        static float[] Draw(ImageSampler sampler)
        {
            using (sampler)
            {
                float[] once = sampler.Sample(5, 7, [0, 1, 0, 1, -1]);
                Assert.Equal(once, sampler.Sample(5, 7, [0, 1, 0, 1, -1]));
                return sampler.Sample(5, 7, [0, 1, 0, 1, -1]);
            }
        }
    }

    [Fact]
    public async Task A_draw_that_fails_gives_its_sampler_back()
    {
        ComputeDevice device = TestDevices.Get("cpu");
        using TrigFlowModel model = SamplerNetwork.Model(device);
        int calls = 0;
        using var pool = new SamplerPool(
            model, m => ++calls == 1 ? throw new IOException("no sampler today") : new ConsistencySampler(m, batch: 1), size: 1);
        using var patience = new CancellationTokenSource(Patience); // a sampler that was lost is waited for in vain
        Assert.Throws<IOException>(() => pool.Sample(1, 0));
        for (int i = 0; i < 3; i++)
        {
            Assert.Throws<ArgumentException>(() => pool.Sample(1, 0, [7], cancellation: patience.Token));
            await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => pool.SampleBytesAsync(0, 0, cancellation: patience.Token));
            Assert.ThrowsAny<OperationCanceledException>(() => pool.Sample(1, 0, cancellation: new CancellationToken(canceled: true)));
        }

        Assert.Equal(32, pool.Sample(1, 0, cancellation: patience.Token).Length);
        Assert.Equal((2, 1), (calls, pool.Samplers));
    }

    [Fact]
    public async Task A_function_that_makes_the_same_sampler_twice_is_refused()
    {
        using var held = new Held();
        using ConsistencySampler same = held.Sampler();
        using var pool = new SamplerPool(held.Model, _ => same, size: 2);
        Task first = Task.Run(() => pool.Sample(1, 1));
        held.Begun.Wait(Patience);
        Assert.Contains("same sampler twice", Assert.Throws<InvalidOperationException>(() => pool.Sample(1, 1)).Message, StringComparison.Ordinal);
        held.Go.Set();
        await first.WaitAsync(Patience);
    }

    [Fact]
    public async Task A_draw_waits_for_a_sampler_until_it_is_cancelled_or_the_pool_is_disposed()
    {
        using var held = new Held();
        var pool = new SamplerPool(held.Model, _ => held.Sampler(), size: 1);
        Task<float[]> drawing = Task.Run(() => pool.Sample(1, 1));
        Assert.True(held.Begun.Wait(Patience));
        using var cancel = new CancellationTokenSource();
        Task<float[]> given = pool.SampleAsync(1, 1, cancellation: cancel.Token), givenToo = Task.Run(() => pool.Sample(1, 1, cancellation: cancel.Token));
        Task<float[]> waiting = Task.Run(() => pool.Sample(1, 1)), waitingToo = pool.SampleAsync(1, 1);
        await Task.Delay(50);
        Assert.DoesNotContain(true, new[] { given, givenToo, waiting, waitingToo }.Select(task => task.IsCompleted));
        cancel.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given.WaitAsync(Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => givenToo.WaitAsync(Patience));

        Task disposing = Task.Run(pool.Dispose);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Patience));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waitingToo.WaitAsync(Patience));
        Assert.False(disposing.IsCompleted); // a draw is under way
        held.Go.Set();
        Assert.NotEmpty(await drawing.WaitAsync(Patience));
        await disposing.WaitAsync(Patience);
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Sample(1, 1));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pool.SampleAsync(1, 1));
    }

    [Fact]
    public async Task A_pool_that_loaded_its_model_releases_it()
    {
        using TemporaryFolder folder = new();
        ComputeDevice device = TestDevices.Get("cpu");
        long before = device.AllocatedBytes;
        using (TrigFlowModel model = SamplerNetwork.Model(device))
            model.Save(folder.File("student"));
        using (var pool = SamplerPool.Load(folder.File("student"), device, m => new ConsistencySampler(m)))
            Assert.Equal(pool.SampleBytes(2, 3), await pool.SampleBytesAsync(2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => SamplerPool.Load(folder.File("student"), device, m => new ConsistencySampler(m), size: 0));
        Assert.Equal(before, device.AllocatedBytes);
    }

    /// <summary>One sampler on two threads: the second is refused, as is Dispose, and the draw under way is right.</summary>
    [Fact]
    public async Task A_sampler_in_use_refuses_a_second_thread()
    {
        using var held = new Held();
        ConsistencySampler sampler = held.Sampler();
        Task<float[]> drawing = Task.Run(() => sampler.Sample(2, 5));
        Assert.True(held.Begun.Wait(Patience));
        Assert.Contains("SamplerPool", Assert.Throws<InvalidOperationException>(() => sampler.Sample(2, 6)).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => sampler.SampleBytes(2, 6));
        Assert.Throws<InvalidOperationException>(sampler.Dispose);
        held.Go.Set();
        Assert.Equal(await drawing.WaitAsync(Patience), sampler.Sample(2, 5));
        sampler.Dispose();
        sampler.Dispose();
        Assert.Contains(nameof(ConsistencySampler), Assert.Throws<ObjectDisposedException>(() => sampler.Sample(1, 1)).ObjectName, StringComparison.Ordinal);
    }

    private static void OnThreads(int count, Action<int> work)
    {
        var faults = new ConcurrentBag<Exception>();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(index => new Thread(() =>
        {
            try
            {
                work(index);
            }
            catch (Exception e)
            {
                faults.Add(e);
            }
        }))];
        foreach (Thread thread in threads)
            thread.Start();
        foreach (Thread thread in threads)
            thread.Join();
        Assert.Empty(faults);
    }

    /// <summary>A model whose first evaluation waits until the test lets it go on.</summary>
    private sealed class Held : IDisposable
    {
        public Held() => Model = GaussianData.Network(TestDevices.Get("cpu"), (u, _) =>
        {
            Begun.Set();
            Go.Wait(Patience);
            return u / 2;
        }, sigmaData: 1, ModelKind.Consistency);

        public ManualResetEventSlim Begun { get; } = new();

        public ManualResetEventSlim Go { get; } = new();

        public TrigFlowModel Model { get; }

        public ConsistencySampler Sampler() => new(Model, [1.0], batch: 1);

        public void Dispose()
        {
            Go.Set();
            Model.Dispose();
            Begun.Dispose();
            Go.Dispose();
        }
    }
}
