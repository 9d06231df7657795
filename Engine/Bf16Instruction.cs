using System.Reflection;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace TrigFlowNative.Engine;

/// <summary>
/// The GPU's own instruction for rounding two fp32 numbers to bf16, in place of the eight integer operations for each that <see cref="BFloat16.Pack"/> takes
/// elsewhere. The results have the same bits, but for the payload of a NaN.
/// </summary>
internal static class Bf16Instruction
{
    private const BindingFlags Static = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>Lets a context's PTX use the instruction, which all supported GPUs have (sm_80).</summary>
    public static Context.Builder RoundToBf16InHardware(this Context.Builder builder)
    {
        builder.GetIntrinsicManager().RegisterMethod(
            typeof(BFloat16).GetMethod(nameof(BFloat16.Pack), Static)!,
            new PTXIntrinsic(typeof(Bf16Instruction), nameof(WritePack), IntrinsicImplementationMode.GenerateCode));
        return builder;
    }

    /// <summary>Writes the instruction for a call of <see cref="BFloat16.Pack"/>; its first operand goes into the upper half.</summary>
    private static void WritePack(PTXBackend backend, PTXCodeGenerator code, Value call)
    {
        var lower = code.LoadPrimitive(call[0]);
        var upper = code.LoadPrimitive(call[1]);
        var target = code.AllocateHardware(call);
        using var command = code.BeginCommand("cvt.rn.bf16x2.f32");
        command.AppendArgument(target);
        command.AppendArgument(upper);
        command.AppendArgument(lower);
    }
}
