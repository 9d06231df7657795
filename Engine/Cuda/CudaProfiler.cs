namespace TrigFlowNative.Engine.Cuda;

/// <summary>A range that NVIDIA's profilers collect (<c>ncu --profile-from-start off</c>, <c>nsys -c cudaProfilerApi</c>).</summary>
internal static class CudaProfiler
{
    /// <summary>Runs the work inside of the range and waits for it.</summary>
    public static void Collect(CudaStreamHandle stream, Action work)
    {
        stream.Synchronize();
        stream.Bind();
        CudaDriver.Check(CudaDriver.ProfilerStart(), "cuProfilerStart");
        try
        {
            work();
            stream.Synchronize();
        }
        finally
        {
            CudaDriver.Check(CudaDriver.ProfilerStop(), "cuProfilerStop");
        }
    }
}
