using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Kernels;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>
/// Compiles every kernel to PTX text, which needs no GPU. The simulator runs whatever .NET can; a GPU's loader refuses calls
/// that ILGPU leaves open, and some of its mathematics is too coarse for this library.
/// </summary>
public class PtxTests
{
    public static TheoryData<string> Kernels => [.. All().Select(method => $"{method.DeclaringType!.Name}.{method.Name}")];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void Compiles_without_open_calls_or_coarse_mathematics(string name)
    {
        MethodInfo kernel = All().Single(method => $"{method.DeclaringType!.Name}.{method.Name}" == name);
        using Context context = Context.Create(builder => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, CudaArchitecture.SM_80, CudaInstructionSet.ISA_70, null!);
        EntryPointDescription entry = kernel.GetParameters()[0].ParameterType == typeof(Index1D)
            ? EntryPointDescription.FromImplicitlyGroupedKernel(kernel)
            : EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        string ptx = ((PTXCompiledKernel)backend.Compile(entry, default)).PTXAssembly;

        Assert.DoesNotContain("call", ptx, StringComparison.Ordinal); // such as MathF.FusedMultiplyAdd
        Assert.DoesNotContain("sin.approx", ptx, StringComparison.Ordinal); // MathF.Sin: use DeviceMath
        Assert.DoesNotContain("cos.approx", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain("lg2.approx", ptx, StringComparison.Ordinal);
        Assert.DoesNotContain("cvt.rn.f64.u32", ptx, StringComparison.Ordinal); // uint to float, which goes by float64: convert to int first
        Assert.DoesNotContain(".local", ptx, StringComparison.Ordinal); // arrays in memory that were meant for registers
    }

    private static IEnumerable<MethodInfo> All() => typeof(Ops).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
        .Where(method => method.Name.EndsWith("Kernel", StringComparison.Ordinal));
}
