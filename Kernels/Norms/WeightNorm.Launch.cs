using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels;

/// <summary>Rows of like length share a launch, so that a network of any number of weights takes a few.</summary>
public static partial class WeightNorm
{
    private static Action MakeGpu(GpuDevice gpu, Tensor values, Tensor compute, WeightNormPart[] parts, bool force)
    {
        var aligned = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<BFloat16>, ArrayView<Row>, ArrayView<Part>, int, int, int, int>(MakeAlignedKernel);
        var single = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<BFloat16>, ArrayView<Row>, ArrayView<Part>, int, int, int, int>(MakeSingleKernel);
        bool bf16 = compute.Type == DType.BFloat16;
        return Launches(gpu, parts, gains: null, (launch, rows, table) => (launch.Aligned ? aligned : single)(
            gpu.Stream, launch.Grid, values.View, bf16 ? values.View : compute.View, bf16 ? compute.ViewOf<BFloat16>() : values.View.Cast<BFloat16>(),
            rows, table, launch.Rows, force ? 1 : 0, bf16 ? 1 : 0, launch.ByWarp ? 1 : 0));
    }

    private static Action BackwardGpu(GpuDevice gpu, Tensor values, Tensor gradients, WeightNormPart[] parts, GainTable gains, Tensor? partials)
    {
        var aligned = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<double>, ArrayView<Row>, ArrayView<Part>, int, int>(BackwardAlignedKernel);
        var single = gpu.Accelerator.LoadKernel<
            ArrayView<float>, ArrayView<float>, ArrayView<double>, ArrayView<Row>, ArrayView<Part>, int, int>(BackwardSingleKernel);
        return Launches(gpu, parts, gains, (launch, rows, table) => (launch.Aligned ? aligned : single)(
            gpu.Stream, launch.Grid, values.View, gradients.View, partials?.ViewOf<double>() ?? ArrayView<double>.Empty, rows, table, launch.Rows, launch.ByWarp ? 1 : 0));
    }

    private static Action GainsGpu(GpuDevice gpu, Tensor partials, Tensor gradients, GainTable gains)
    {
        var kernel = gpu.Accelerator.LoadKernel<ArrayView<double>, ArrayView<float>, ArrayView<int>>(GainsKernel);
        Tensor sums = Upload<int>(gpu, [.. gains.Sums.SelectMany(sum => (int[])[sum.Gain, sum.First, sum.Count])]);
        return () => kernel(
            gpu.Stream, new KernelConfig(gains.Sums.Count, gpu.ReductionGroup), partials.ViewOf<double>(), gradients.View, sums.ViewOf<int>());
    }

    /// <summary>Returns an action that goes through all parts, by one launch for each number of threads that their rows take.</summary>
    private static Action Launches(GpuDevice gpu, WeightNormPart[] parts, GainTable? gains, Action<RowLaunch, ArrayView<Row>, ArrayView<Part>> launch)
    {
        Tensor table = Upload<Part>(gpu, [.. parts.Select(part => new Part(part))]);
        var launches = new List<(RowLaunch Launch, Tensor Rows)>();
        foreach (var like in parts.Index().GroupBy(each => (each.Item.IsAligned, Threads: ThreadsOf(gpu, each.Item.Columns))))
        {
            (bool isAligned, int threads) = like.Key;
            var rows = new List<Row>();
            foreach ((int index, WeightNormPart part) in like)
            {
                int partial = gains?.FirstOf(part) ?? -1;
                rows.AddRange(Enumerable.Range(0, part.Rows).Select(row => new Row(part.Start + row * part.Columns, index, partial < 0 ? -1 : partial + row)));
            }

            bool byWarp = threads == 0;
            int group = byWarp ? gpu.ReductionGroup : threads, rowsOfGroup = byWarp ? group / gpu.Accelerator.WarpSize : 1;
            var grid = new KernelConfig((rows.Count + rowsOfGroup - 1) / rowsOfGroup, group);
            launches.Add((new RowLaunch(grid, rows.Count, byWarp, isAligned), Upload<Row>(gpu, CollectionsMarshal.AsSpan(rows))));
        }

        return () =>
        {
            foreach ((RowLaunch each, Tensor rows) in launches)
                launch(each, rows.ViewOf<int>().Cast<Row>(), table.ViewOf<int>().Cast<Part>());
        };
    }

    /// <summary>Threads of a group that takes a row, as many as keep all of it in registers if there are enough; 0 where a warp does.</summary>
    private static int ThreadsOf(GpuDevice gpu, int columns)
    {
        const int perThread = 4 * QuadsPerThread;
        int threads = gpu.Accelerator.WarpSize;
        if (columns <= perThread * threads)
            return 0;
        while (threads < gpu.ReductionGroup && perThread * threads < columns)
            threads *= 2;
        return threads;
    }

    /// <summary>Words in device memory, for as long as the program that is being recorded.</summary>
    private static Tensor Upload<T>(GpuDevice gpu, ReadOnlySpan<T> words)
        where T : unmanaged
    {
        ReadOnlySpan<int> ints = MemoryMarshal.Cast<T, int>(words);
        Tensor table = gpu.CreateTensor(new Shape(ints.Length), DType.Int32);
        gpu.Own(table);
        table.Upload(ints);
        return table;
    }

    /// <summary>Where a row lies, in the form that kernels take.</summary>
    internal readonly struct Row(int start, int part, int partial)
    {
        public readonly int Start = start;
        public readonly int Part = part;

        /// <summary>Index of the row among those whose gains need gradients; -1 for none.</summary>
        public readonly int Partial = partial;
    }

    /// <summary>A <see cref="WeightNormPart"/> in the form that kernels take.</summary>
    internal readonly struct Part(WeightNormPart part)
    {
        public readonly int Columns = part.Columns;
        public readonly int Channels = part.Channels;
        public readonly int Split = part.Split;
        public readonly int Gain = part.Gain;
        public readonly float Scale = part.Scale;
        public readonly float SplitScale = part.SplitScale;
    }

    /// <summary>Rows that take equally many threads.</summary>
    private sealed record RowLaunch(KernelConfig Grid, int Rows, bool ByWarp, bool Aligned);
}
