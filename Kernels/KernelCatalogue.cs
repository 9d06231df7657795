using System.Reflection;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Kernels.Device;

namespace TrigFlowNative.Kernels;

/// <summary>Every kernel by name: those that ILGPU compiles alone, and those with inline PTX at the tiles that the presets' layers get.</summary>
internal static class KernelCatalogue
{
    private const BindingFlags Static = BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly;

    /// <summary>Depths of a head for which attention has tiles of their own.</summary>
    private static readonly int[] HeadDepths = [64, 128, 256];

    /// <summary>Images of norms: each a plan of slabs of its own.</summary>
    private static readonly Shape[] Norms = [new(256, 32, 32, 128), new(256, 32, 32, 256), new(256, 16, 16, 256), new(256, 8, 8, 256)];

    private const int Processors = 132, Groups = 32;
    private static readonly bool[] Both = [false, true];

    /// <summary>
    /// All kernels without inline PTX, by the naming rule, those over storage types in every one; other generic ones are reached through the
    /// ones that fill in their types.
    /// </summary>
    public static IEnumerable<MethodInfo> Plain()
    {
        HashSet<MethodInfo> withInlinePtx = [.. WithInlinePtx().Select(spec => spec.Method)]; // of which ILGPU alone makes half a text
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

    /// <summary>Kernels with inline PTX for sm_90a, and the mma.sync forms for sm_80.</summary>
    public static IEnumerable<PtxKernelSpec> WithInlinePtx() => ((IEnumerable<PtxKernelSpec>)[.. Products(), .. Attentions(), .. Slabs(), .. MmaProduct.Specifications()]).DistinctBy(spec => spec.Key);

    /// <summary>Class, method and variant, such as WgmmaConvolution.Convolve/n256-c1.</summary>
    public static string NameOf(PtxKernelSpec spec) => $"{spec.Method.DeclaringType!.Name}.{spec.Method.Name}{(spec.Variant.Length > 0 ? $"/{spec.Variant}" : "")}";

    private static IEnumerable<PtxKernelSpec> Products()
    {
        MethodInfo convolve = ((Delegate)WgmmaConvolution.Convolve).Method;
        foreach ((int columns, _) in WgmmaTiles.Widths)
        {
            foreach ((bool transposed, bool residual, bool single) in new[] { (false, false, false), (false, true, false), (false, false, true), (true, false, false), (true, true, false), (true, false, true) })
            {
                WgmmaTile tile = WgmmaTiles.Of(columns, columns == 128 ? 2 : 1) with { TransposeB = transposed, Residual = residual, Single = single };
                yield return WgmmaProduct.Specification(convolve, tile);
            }

            yield return WgmmaProduct.Specification(convolve, WgmmaTiles.Of(columns, 1) with { Shortcut = true });
            yield return WgmmaProduct.GradientSpecification(new WgmmaGradientTile(columns));
        }

        foreach ((int columns, int splits) in ((int, int)[])[(64, 8), (64, 4), (128, 4)])
            yield return new WgmmaSharedTile(WgmmaTiles.Of(columns, 1) with { Splits = splits }).Specification();
        yield return WgmmaProduct.SumSpecification();
    }

    private static IEnumerable<PtxKernelSpec> Attentions() =>
        from depth in HeadDepths
        from specification in (IEnumerable<PtxKernelSpec>)
        [
            .. Both.Select(tangent => Attention.WgmmaSpec(new WgmmaAttentionTile(depth, tangent))),
            .. Both.Select(ownsKeys => Attention.WgmmaSpec(new AttentionGradientTile(depth, ownsKeys))),
        ]
        select specification;

    private static IEnumerable<PtxKernelSpec> Slabs() =>
        from shape in Norms
        let plan = SlabPlan.For(shape, Math.Min(Groups, shape.C / 4), hopper: true, Processors)
        where plan is not null
        from specification in (IEnumerable<PtxKernelSpec>)
        [
            .. Both.Select(tangent => GroupNorm.SlabText.Forward(plan.Value, "sm_90a", tangent, silu: true, dropping: false)),
            GroupNorm.SlabText.Backward(plan.Value, "sm_90a", silu: true, add: false, deferred: false, dropping: false),
        ]
        select specification;

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
        return constraints.Contains(typeof(IElement<>)) ? [typeof(Single32), typeof(BFloat16)] : [];
    }
}
