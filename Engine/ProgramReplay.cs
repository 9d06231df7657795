using TrigFlowNative.Engine.Cuda;

namespace TrigFlowNative.Engine;

/// <summary>
/// Runs a compiled program on an NVIDIA GPU. The first run launches step by step, and launches make what they need (kernels,
/// descriptors); the second captures the steps into a graph; it and all later runs replay the graph, which costs the host one call.
/// </summary>
/// <remarks>The steps hold kernels and tensors, and live as long as the replay.</remarks>
internal sealed class ProgramReplay(GpuDevice gpu, IReadOnlyList<ProgramStep> steps) : IDisposable
{
    /// <summary>Minimum number of steps to capture: launching a graph costs the host about as much as three kernels.</summary>
    private const int MinSteps = 4;

    private CudaGraph? graph;
    private bool launchedOnce;

    /// <summary>Whether runs are replays of a graph.</summary>
    public bool IsCaptured => graph is not null;

    /// <summary>Launches or replays all steps, without waiting.</summary>
    /// <exception cref="InvalidOperationException">A step cannot be captured; the message names it.</exception>
    public void Run()
    {
        gpu.Bind();
        if (!launchedOnce || steps.Count < MinSteps)
        {
            foreach (ProgramStep step in steps)
                step.Run();
            launchedOnce = true;
            return;
        }

        graph ??= new CudaGraph(gpu.DriverStream, () =>
        {
            foreach (ProgramStep step in steps)
                Capture(gpu, step);
        });
        graph.Launch();
    }

    /// <summary>Launches a step while the stream is captured.</summary>
    public static void Capture(GpuDevice gpu, ProgramStep step)
    {
        try
        {
            step.Run();
            CudaGraph.RequireSound(gpu.DriverStream);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{step}: cannot be captured into a graph: {e.Message}", e);
        }
    }

    public void Dispose() => graph?.Dispose();
}
