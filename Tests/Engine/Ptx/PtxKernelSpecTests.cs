using System.Reflection;
using System.Reflection.Emit;
using TrigFlowNative.Engine.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Engine;

/// <summary>The key by which a device keeps kernels differs where anything differs that decides the text or the launch.</summary>
public class PtxKernelSpecTests
{
    private static readonly PtxKernelSpec Spec = new(
        typeof(PtxKernelSpecTests).GetMethod(nameof(First), BindingFlags.Static | BindingFlags.NonPublic)!, "n64", "sm_90a", 128, 1024, Macros("add", "add.s32 $0, $0, 1;"));

    public static TheoryData<string> Changes => [.. Changed.Keys];

    private static Dictionary<string, PtxKernelSpec> Changed => new()
    {
        ["method"] = Spec with { Method = typeof(PtxKernelSpecTests).GetMethod(nameof(Second), BindingFlags.Static | BindingFlags.NonPublic)! },
        ["variant"] = Spec with { Variant = "n128" },
        ["architecture"] = Spec with { Architecture = "sm_80" },
        ["threads"] = Spec with { Threads = 256 },
        ["shared memory"] = Spec with { SharedBytes = 2048 },
        ["cluster"] = Spec with { Cluster = 2 },
        ["resident blocks"] = Spec with { MinResidentBlocks = 1 },
        ["whole program"] = Spec with { WholeProgram = true },
        ["a macro's text"] = Spec with { Macros = Macros("add", "add.s32 $0, $0, 2;") },
        ["a macro's name"] = Spec with { Macros = Macros("sum", "add.s32 $0, $0, 1;") },
        ["one more macro"] = Spec with { Macros = new Dictionary<string, string>(Spec.Macros) { ["none"] = "" } },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_change_gives_another_key(string change)
    {
        Assert.NotEqual(Spec.Key, Changed[change].Key);
        Assert.Equal(Spec.Key, (Spec with { Macros = new Dictionary<string, string>(Spec.Macros) }).Key);
    }

    /// <summary>Two programs' kernels may have the same names.</summary>
    [Fact]
    public void Methods_of_the_same_name_in_two_assemblies_have_different_keys()
    {
        MethodInfo one = Named(), other = Named();
        Assert.Equal((one.DeclaringType!.FullName, one.ToString()), (other.DeclaringType!.FullName, other.ToString()));
        Assert.NotEqual((Spec with { Method = one }).Key, (Spec with { Method = other }).Key);
    }

    private static MethodInfo Named()
    {
        TypeBuilder type = AssemblyBuilder.DefineDynamicAssembly(new AssemblyName("Plugin"), AssemblyBuilderAccess.Run).DefineDynamicModule("Plugin").DefineType("Kernel");
        type.DefineMethod("Run", MethodAttributes.Static | MethodAttributes.Public, typeof(void), [typeof(int)]).GetILGenerator().Emit(OpCodes.Ret);
        return type.CreateType().GetMethod("Run")!;
    }

    private static Dictionary<string, string> Macros(string name, string text) => new() { [name] = text };

    private static void First(int value) => _ = value;

    private static void Second(int value) => _ = value;
}
