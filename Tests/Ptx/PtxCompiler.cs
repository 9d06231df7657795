using System.Reflection;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Tests.Ptx;

/// <summary>Compiles kernels to PTX text for an H200 without a GPU: the simulator runs C# that the GPU's compiler refuses.</summary>
internal static class PtxCompiler
{
    /// <inheritdoc cref="IlgpuPtx.Compile"/>
    public static string Compile(MethodInfo kernel) => IlgpuPtx.Compile(kernel, CudaArchitecture.SM_90).Text;

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
