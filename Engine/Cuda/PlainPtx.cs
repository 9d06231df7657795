using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Cuda;

/// <summary>The PTX text that ILGPU makes of a kernel without inline PTX, for a GPU of compute capability 9.0; no GPU is needed.</summary>
internal static class PlainPtx
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<MethodInfo, string> Compiled = [];
    private static Context? context;

    /// <summary>The PTX of a static kernel method, grouped explicitly unless its first parameter is an index.</summary>
    /// <exception cref="InternalCompilerException">The method holds what ILGPU cannot compile.</exception>
    public static string Compile(MethodInfo kernel)
    {
        lock (Gate)
        {
            if (Compiled.TryGetValue(kernel, out string? ptx))
                return ptx;
            context ??= Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2));
            try
            {
                using var backend = new PTXBackend(context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_80, nvvmAPI: null!); // no libdevice
                bool indexed = kernel.GetParameters() is [var first, ..] && typeof(IIndex).IsAssignableFrom(first.ParameterType);
                EntryPointDescription entry = indexed
                    ? EntryPointDescription.FromImplicitlyGroupedKernel(kernel)
                    : EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
                return Compiled[kernel] = ((PTXCompiledKernel)backend.Compile(entry, default)).PTXAssembly;
            }
            catch
            {
                // After a failure a context also refuses kernels that are right.
                context.Dispose();
                context = null;
                throw;
            }
        }
    }
}
