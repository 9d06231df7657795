using System.Reflection;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>
/// Every kernel by name: those that ILGPU compiles alone, found by the naming rule, and those with inline PTX, which their families name. A family
/// is a class with a static method <c>Specifications()</c>, which returns every text that it may load, or one of each form where those are many.
/// </summary>
internal static class KernelCatalogue
{
    private const BindingFlags Static = BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;

    /// <summary>
    /// All kernels without inline PTX, by the naming rule, those over storage types in every one; other generic ones are reached through the
    /// ones that fill in their types.
    /// </summary>
    public static IEnumerable<MethodInfo> Plain()
    {
        HashSet<MethodInfo> withInlinePtx = [.. WithInlinePtx().Select(spec => spec.Method)]; // ILGPU alone does not expand their macros
        return
            from type in typeof(Ops).Assembly.GetTypes()
            from method in type.GetMethods(Static)
            where method.Name.EndsWith("Kernel", StringComparison.Ordinal) && !type.ContainsGenericParameters && !withInlinePtx.Contains(method)
            from kernel in method.IsGenericMethodDefinition ? Closed(method) : [method]
            orderby type.Name, NameOf(kernel)
            select kernel;
    }

    /// <summary>Class, method and storage types, such as Combine.ForwardKernel&lt;Bf16x8&gt;.</summary>
    public static string NameOf(MethodInfo kernel)
    {
        string types = string.Join(", ", kernel.GetGenericArguments().Select(type => type.IsGenericType ? type.GetGenericArguments()[0].Name : type.Name));
        return $"{kernel.DeclaringType!.Name}.{kernel.Name}{(types.Length > 0 ? $"<{types}>" : "")}";
    }

    /// <summary>Kernels with inline PTX: the specifications of all families, each once.</summary>
    public static IEnumerable<PtxKernelSpec> WithInlinePtx() =>
        (from type in typeof(Ops).Assembly.GetTypes()
         orderby type.FullName
         let family = type.GetMethod(nameof(WgmmaProduct.Specifications), Static, Type.EmptyTypes)
         where family is not null && family.ReturnType == typeof(IEnumerable<PtxKernelSpec>)
         from spec in (IEnumerable<PtxKernelSpec>)family.Invoke(null, null)!
         select spec).DistinctBy(spec => spec.Key);

    /// <summary>Class, method and variant, such as WgmmaConvolution.Convolve/n256-c1.</summary>
    public static string NameOf(PtxKernelSpec spec) => $"{spec.Method.DeclaringType!.Name}.{spec.Method.Name}{(spec.Variant.Length > 0 ? $"/{spec.Variant}" : "")}";

    private static IEnumerable<MethodInfo> Closed(MethodInfo method)
    {
        IEnumerable<Type[]> combinations = [[]];
        foreach (Type parameter in method.GetGenericArguments())
            combinations = [.. combinations.SelectMany(chosen => Choices(parameter).Select(type => (Type[])[.. chosen, type]))];
        return combinations.Select(types => method.MakeGenericMethod(types));
    }

    private static Type[] Choices(Type parameter)
    {
        Type[] constraints = [.. parameter.GetGenericParameterConstraints().Where(type => type.IsGenericType).Select(type => type.GetGenericTypeDefinition())];
        if (constraints.Contains(typeof(IPack<>)))
            return [typeof(One<Single32>), typeof(One<BFloat16>), typeof(Bf16x8)];
        if (constraints.Contains(typeof(IRowRun<>)))
            return [typeof(LastPack), typeof(MorePacks<MorePacks<LastPack>>)];
        return constraints.Contains(typeof(IElement<>)) ? [typeof(Single32), typeof(BFloat16)] : [];
    }
}
