using System.Collections.Concurrent;
using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Engine.Ptx;

/// <summary>The PTX text into which ILGPU compiles kernel methods, once for each method in a process; no GPU is needed.</summary>
/// <remarks>
/// A text depends on the methods that ILGPU compiled before in the process: names are numbered throughout, and the order of the output follows the
/// numbers. <see cref="PtxCache"/> keeps texts that must be the same in another process.
/// </remarks>
internal static class IlgpuPtx
{
    private static readonly Lock Gate = new();
    private static readonly ConcurrentDictionary<(MethodInfo, CudaArchitecture), (string Text, string Entry)> Compiled = [];
    private static Context? context;

    /// <summary>Compiles a static kernel method, which is grouped explicitly unless its first parameter is an index; returns the text and the entry's name.</summary>
    /// <param name="kernel">The method.</param>
    /// <param name="architecture">Architecture that ILGPU compiles for.</param>
    /// <exception cref="InternalCompilerException">The method contains something that ILGPU cannot compile.</exception>
    public static (string Text, string Entry) Compile(MethodInfo kernel, CudaArchitecture architecture)
    {
        if (Compiled.TryGetValue((kernel, architecture), out (string Text, string Entry) known))
            return known;
        lock (Gate)
        {
            if (Compiled.TryGetValue((kernel, architecture), out known))
                return known;
            context ??= Context.Create(builder => builder.EnableAlgorithms().RoundToBf16InHardware().Optimize(OptimizationLevel.O2));
            try
            {
                using var backend = new PTXBackend(context, architecture, CudaInstructionSet.ISA_80, nvvmAPI: null!); // no libdevice
                bool indexed = kernel.GetParameters() is [var first, ..] && typeof(IIndex).IsAssignableFrom(first.ParameterType);
                EntryPointDescription entry = indexed
                    ? EntryPointDescription.FromImplicitlyGroupedKernel(kernel)
                    : EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
                var compiled = (PTXCompiledKernel)backend.Compile(entry, default);
                return Compiled[(kernel, architecture)] = (compiled.PTXAssembly.Replace("\r", "", StringComparison.Ordinal), compiled.Name);
            }
            catch
            {
                // After a failure a context also refuses valid kernels.
                context.Dispose();
                context = null;
                throw;
            }
        }
    }
}
