using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;
using TrigFlowNative.Tests.Ptx;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Lays a problem out in a <see cref="PtxMachine"/>'s memory and launches the tensor-core kernels as the op does.</summary>
internal sealed class AttentionMachineRun
{
    private readonly AttentionProblem problem;
    private const int Processors = 3; // blocks of a persistent grid: fewer than tiles, so that blocks go on to further tiles
    private readonly AttentionTiling tiling;
    private readonly byte[] memory;
    private readonly long qkv, y, dy, log, delta, dqkv, maps, statistics;
    private readonly AttentionSizes sizes;

    public AttentionMachineRun(AttentionProblem problem, AttentionTiling tiling)
    {
        (this.problem, this.tiling) = (problem, tiling);
        sizes = new AttentionSizes(new Shape(problem.Images, 1, problem.Length, problem.Stride), problem.Heads);
        int rows = problem.LogSumExp.Length, elements = problem.Inputs.Length, outputs = problem.Cotangents.Length;
        long end = 0;
        qkv = Place(4 * elements);
        y = Place(4 * outputs);
        dy = Place(2 * outputs);
        log = Place(4 * rows);
        delta = Place(4 * rows);
        dqkv = Place(2 * elements);
        maps = Place(2 * 128);
        statistics = Place(8 * problem.Images * problem.Heads * Padded);
        memory = new byte[end];
        memory.AsSpan().Fill(0xFF);
        Write(qkv, problem.Inputs);
        Write(qkv + 2 * elements, problem.Tangents);
        Write(dy, problem.Cotangents);

        long Place(int bytes)
        {
            long start = end;
            end += (bytes + 255) / 256 * 256;
            return start;
        }
    }

    public (float[] Primal, float[] LogSumExp) Forward()
    {
        Launch(nameof(MmaAttention.ForwardMma), ForwardArguments);
        return (Read(y), Floats(log).ToArray());
    }

    public (float[] Primal, float[] Tangent, float[] LogSumExp) Tangent()
    {
        Launch(nameof(MmaAttention.TangentMma), ForwardArguments);
        return (Read(y), Read(y + 2 * problem.Cotangents.Length), Floats(log).ToArray());
    }

    /// <summary>The forward pass on Hopper's tensor cores.</summary>
    public (float[] Primal, float[]? Tangent, float[] LogSumExp) OnHopper(bool tangent)
    {
        var tile = new WgmmaAttentionTile(problem.Depth, tangent);
        memory.AsSpan((int)y, (int)(dy - y)).Fill(0xFF);
        EncodeMap(maps, qkv, 3 * problem.Heads, tangent ? 2 * problem.Images : problem.Images);
        var arguments = new WgmmaAttentionArguments
        {
            Map = maps,
            Y = y,
            YTangent = y + 2L * problem.Cotangents.Length,
            LogSumExp = log,
            Grid = new(sizes, tile.MTile),
            Chunks = tile.Chunks,
            QueryBytes = tile.QueryBytes,
            Stages = tile.Stages,
            Tangent = tangent ? 1 : 0,
        };
        new PtxMachine(WgmmaAttentionPath.Specification(tile), memory).Run(Math.Min(arguments.Grid.Items, Processors), arguments);
        return (Read(y), tangent ? Read(y + 2 * problem.Cotangents.Length) : null, Floats(log).ToArray());
    }

    /// <summary>The gradient after a forward pass; delta, which no tensor core makes, is computed here.</summary>
    public float[] Gradient(float[] output, bool add)
    {
        SetDeltas(output);
        var arguments = new AttentionMmaBackward
        {
            Qkv = qkv,
            Dy = dy,
            LogSumExp = log,
            Delta = delta,
            Dqkv = dqkv,
            Grid = new(sizes, tiling.MTile),
            MTile = tiling.MTile,
            NTile = tiling.NTile,
            Add = add ? 1 : 0,
        };
        Launch(nameof(MmaAttention.QueryGradientMma), arguments);
        Launch(nameof(MmaAttention.KeyValueGradientMma), arguments);
        return Read(dqkv, problem.Inputs.Length);
    }

    /// <summary>The same on Hopper's tensor cores; the host computes the result of <see cref="WgmmaAttentionPath.StatisticsKernel"/>.</summary>
    public float[] GradientOnHopper(float[] output, bool add)
    {
        SetDeltas(output);
        Span<float> saved = MemoryMarshal.Cast<byte, float>(memory.AsSpan((int)statistics, 8 * problem.Images * problem.Heads * Padded));
        for (int i = 0; i < saved.Length / 2; i++)
        {
            int row = i % Padded, from = i / Padded * problem.Length + row;
            (float less, float difference) = row < problem.Length ? (-Floats(log)[from] * MathF.Log2(MathF.E), -Floats(delta)[from] * sizes.Scale) : (float.NegativeInfinity, 0);
            (saved[2 * i - i % 64], saved[2 * i - i % 64 + 64]) = (less, difference);
        }

        EncodeMap(maps, qkv, 3 * problem.Heads, problem.Images);
        EncodeMap(maps + 128, dy, problem.Heads, problem.Images);
        foreach (bool ownsKeys in new[] { false, true })
        {
            var tile = new WgmmaAttentionGradientTile(problem.Depth, ownsKeys);
            var arguments = new WgmmaAttentionGradientArguments
            {
                Maps = maps,
                Statistics = statistics,
                Dqkv = dqkv,
                Grid = new(sizes, tile.MTile),
                Padded = Padded,
                MTile = tile.MTile,
                Chunks = tile.Chunks,
                Stages = tile.Stages,
                OwnsKeys = ownsKeys ? 1 : 0,
                Add = add ? 1 : 0,
            };
            new PtxMachine(WgmmaAttentionPath.Specification(tile), memory).Run(Math.Min(arguments.Grid.Items, Processors), arguments);
        }

        return Read(dqkv, problem.Inputs.Length);
    }

    private int Padded => WgmmaAttentionPath.PaddedLength(problem.Length);

    private void EncodeMap(long at, long tensor, int heads, int images) => PtxMachine.EncodeMap(
        memory, (int)at, (int)tensor, [problem.Depth, heads, problem.Length, images],
        [problem.Depth, heads * problem.Depth, problem.Length * heads * problem.Depth], [64, 1, WgmmaAttentionTile.NTile, 1]);

    private void SetDeltas(float[] output)
    {
        Span<float> deltas = Floats(delta);
        for (int i = 0; i < deltas.Length; i++)
        {
            int pair = i / problem.Length, row = i % problem.Length;
            int at = (pair / problem.Heads * problem.Length + row) * problem.Channels + pair % problem.Heads * problem.Depth;
            deltas[i] = 0;
            for (int channel = at; channel < at + problem.Depth; channel++)
                deltas[i] += output[channel] * problem.Cotangents[channel];
        }
    }

    private AttentionMmaForward ForwardArguments => new()
    {
        Qkv = qkv,
        Y = y,
        LogSumExp = log,
        QkvTangent = 2L * problem.Inputs.Length,
        YTangent = 2L * problem.Cotangents.Length,
        Grid = new(sizes, tiling.MTile),
        MTile = tiling.MTile,
        NTile = tiling.NTile,
    };

    private void Launch<T>(string kernel, in T arguments)
        where T : unmanaged =>
        new PtxMachine(MmaAttention.Specification(kernel, tiling), memory).Run(new AttentionGrid(sizes, tiling.MTile).Items, arguments);

    private Span<float> Floats(long address) => MemoryMarshal.Cast<byte, float>(memory.AsSpan((int)address, 4 * problem.LogSumExp.Length));

    private void Write(long address, float[] values)
    {
        Span<BFloat16> target = MemoryMarshal.Cast<byte, BFloat16>(memory.AsSpan((int)address, 2 * values.Length));
        for (int i = 0; i < values.Length; i++)
            target[i] = BFloat16.FromSingle(values[i]);
    }

    private float[] Read(long address) => Read(address, problem.Cotangents.Length);

    private float[] Read(long address, int count) =>
        [.. MemoryMarshal.Cast<byte, BFloat16>(memory.AsSpan((int)address, 2 * count)).ToArray().Select(BFloat16.ToSingle)];
}
