using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Compiles kernels to PTX text for an H200 without a GPU: the simulator runs C# that the GPU's compiler refuses.</summary>
internal static class PtxCompiler
{
    private static readonly Dictionary<MethodInfo, string> Compiled = [];
    private static Context? context;

    /// <summary>The PTX of a static kernel method, grouped explicitly unless its first parameter is an index.</summary>
    /// <exception cref="InternalCompilerException">The method holds what ILGPU cannot compile.</exception>
    public static string Compile(MethodInfo kernel)
    {
        if (Compiled.TryGetValue(kernel, out string? ptx))
            return ptx;
        context ??= Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2));
        try
        {
            using var backend = new PTXBackend(context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_88, nvvmAPI: null!); // no libdevice
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

    /// <summary>Instructions by basic block, without labels, directives and braces.</summary>
    public static IReadOnlyList<string[]> Blocks(string ptx)
    {
        var blocks = new List<string[]>();
        var block = new List<string>();
        foreach (string line in ptx.Split('\n').Select(line => line.Trim()))
        {
            if (line.EndsWith(':'))
            {
                blocks.Add([.. block]);
                block.Clear();
            }
            else if (line.EndsWith(';') && !line.StartsWith('.'))
            {
                block.Add(line);
            }
        }

        return [.. blocks, [.. block]];
    }
}
