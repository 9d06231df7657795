using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels;
using TrigFlowNative.Kernels.Ptx;
using Xunit;

namespace TrigFlowNative.Tests.Kernels;

/// <summary>Kernels with inline PTX take one struct of numbers, and no method that they run takes more than four parameters.</summary>
public class PtxKernelRules
{
    private const int MaxParameters = 4;
    private const BindingFlags Any = BindingFlags.Static | BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;

    private static readonly Type[] Allowed = [typeof(int), typeof(uint), typeof(float), typeof(long)];

    private static readonly Dictionary<short, OpCode> OpCodes = typeof(OpCodes).GetFields(BindingFlags.Static | BindingFlags.Public)
        .Select(field => (OpCode)field.GetValue(null)!).ToDictionary(code => code.Value);

    public static TheoryData<string> Entries => [.. Methods().Select(Name)];

    [Fact]
    public void Every_kernel_of_the_catalogue_is_marked() => Assert.Equal(
        KernelCatalogue.WithInlinePtx().Select(spec => spec.Method).Select(Name).Distinct().Order(StringComparer.Ordinal),
        Methods().Select(Name).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Entries))]
    public void An_entry_takes_one_struct_of_numbers_that_the_text_lays_out_as_CSharp_does(string name)
    {
        MethodInfo entry = Methods().Single(method => Name(method) == name);
        Assert.True(entry.IsStatic && entry.ReturnType == typeof(void), $"{name} is a static void method");
        Type arguments = Assert.Single(entry.GetParameters()).ParameterType;
        Assert.True(arguments is { IsValueType: true, IsPrimitive: false }, $"{name} takes {arguments.Name}, which is no struct");
        Assert.All(Numbers(arguments), number => Assert.True(Allowed.Contains(number.Field.FieldType), $"{number.Field.DeclaringType!.Name}.{number.Field.Name} is a {number.Field.FieldType.Name}"));
        (string text, string label) = KernelCatalogue.WithInlinePtx().First(spec => spec.Method == entry).Compile();
        int bytes = Marshal.SizeOf(arguments);
        Assert.Equal(bytes, PtxSource.ParameterBytes(text, label));
        Assert.Equal(0, bytes % sizeof(long));
        int end = 0;
        foreach ((int offset, FieldInfo field) in Numbers(arguments))
        {
            Assert.True(offset == end, $"{end - offset} bytes lie before {field.DeclaringType!.Name}.{field.Name}");
            end += Marshal.SizeOf(field.FieldType);
        }

        Assert.InRange(bytes - end, 0, sizeof(int)); // an odd number of integers ends half a word early
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void No_method_that_a_kernel_runs_takes_more_than_four_parameters(string name)
    {
        MethodBase[] run = [.. Run(Methods().Single(method => Name(method) == name))];
        Assert.All(run, method => Assert.True(
            method.GetParameters().Length <= MaxParameters, $"{name} runs {method.DeclaringType!.Name}.{method.Name} with {method.GetParameters().Length} parameters"));
    }

    /// <summary>That calls are found: through methods, constructors and generic methods, once each, and not in other assemblies.</summary>
    [Fact]
    public void Calls_are_followed()
    {
        MethodBase[] run = [.. Run(typeof(PtxKernelRules).GetMethod(nameof(Caller), Any)!)];
        Assert.Equal([nameof(Caller), ".ctor", nameof(Generic), "get_Value", nameof(WithFive)], run.Select(method => method.Name));
        Assert.Equal(MaxParameters + 1, run[^1].GetParameters().Length);
        Assert.Contains(Run(((Delegate)WgmmaConvolution.Convolve).Method), method => method.Name == nameof(CopyPipeline.WaitFull));
    }

    private static void Caller() => Generic<int>(new Called(1), Math.Max(1, 2));

    private static int Generic<T>(Called called, int depth) => depth == 0 ? 0 : Generic<T>(called, depth - 1) + WithFive(1, 2, 3, 4, called.Value);

    private static int WithFive(int a, int b, int c, int d, int e) => a + b + c + d + e;

    private static IEnumerable<MethodInfo> Methods() => typeof(Ops).Assembly.GetTypes().SelectMany(type => type.GetMethods(Any)).Where(method => method.IsDefined(typeof(PtxEntryAttribute)));

    private static string Name(MethodInfo method) => $"{method.DeclaringType!.Name}.{method.Name}";

    /// <summary>The numbers of a struct and of those within it, with the bytes before each, in order.</summary>
    private static IEnumerable<(int Offset, FieldInfo Field)> Numbers(Type type, int start = 0) =>
        (from field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)
         let offset = start + (int)Marshal.OffsetOf(type, field.Name)
         from number in field.FieldType.IsPrimitive ? [(offset, field)] : Numbers(field.FieldType, offset)
         select number).OrderBy(number => number.Item1);

    /// <summary>The method and all of its assembly that it calls, directly or not.</summary>
    private static List<MethodBase> Run(MethodInfo entry)
    {
        List<MethodBase> found = [entry];
        for (int i = 0; i < found.Count; i++)
            foreach (MethodBase called in Calls(found[i]).Where(called => called.Module == entry.Module && !found.Contains(called)).Distinct().ToArray())
                found.Add(called);
        return found;
    }

    private static IEnumerable<MethodBase> Calls(MethodBase method)
    {
        byte[] il = method.GetMethodBody()!.GetILAsByteArray()!;
        Type[] ofType = method.DeclaringType!.GetGenericArguments(), ofMethod = method.IsGenericMethod ? method.GetGenericArguments() : [];
        for (int at = 0; at < il.Length;)
        {
            OpCode code = OpCodes[il[at] == 0xFE ? (short)(0xFE00 | il[at + 1]) : il[at]];
            at += code.Size;
            if (code.OperandType is OperandType.InlineMethod)
                yield return method.Module.ResolveMethod(BitConverter.ToInt32(il, at), ofType, ofMethod)!;
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(il, at),
                _ => 4,
            };
        }
    }

    private readonly struct Called(int value)
    {
        public int Value { get; } = value;
    }
}
