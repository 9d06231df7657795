using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Chooses the pack with which a kernel goes through tensors.</summary>
public static class Packs
{
    /// <summary>
    /// Loads a kernel for packs of eight if the storage is bf16 and every run of elements that it treats as one (a whole tensor, or
    /// the channels of a pixel) is a multiple of eight; otherwise for single elements.
    /// </summary>
    /// <typeparam name="TLaunch">The kernel with its arguments.</typeparam>
    /// <param name="type">fp32 or bf16: storage of all the tensors.</param>
    /// <param name="run">Length of the runs in elements; of several lengths, their bitwise or, whose last three bits are 0 if all of theirs are.</param>
    /// <param name="launch">Loads the kernel.</param>
    /// <returns>An action that launches the kernel.</returns>
    /// <exception cref="ArgumentException">The type is neither fp32 nor bf16.</exception>
    public static Action Load<TLaunch>(DType type, int run, TLaunch launch)
        where TLaunch : IPackLaunch
    {
        ArgumentNullException.ThrowIfNull(launch);
        if (type is not (DType.Float32 or DType.BFloat16))
            throw new ArgumentException($"packs are of {DType.Float32} or {DType.BFloat16}, not {type}");
        if (type == DType.Float32)
            return launch.Load<One<Single32>>();
        return run % Bf16x8.Width == 0 ? launch.Load<Bf16x8>() : launch.Load<One<BFloat16>>();
    }

    /// <summary>Returns all stored elements of a tensor, a tangent's included, in packs.</summary>
    /// <typeparam name="TPack">Type of the packs.</typeparam>
    /// <param name="x">The tensor, whose number of elements is a multiple of the packs' width.</param>
    /// <exception cref="InvalidOperationException">The tensor is stored in another type.</exception>
    public static ArrayView<TPack> View<TPack>(Tensor x)
        where TPack : unmanaged, IPack<TPack>
    {
        ArgumentNullException.ThrowIfNull(x);
        if (Unsafe.SizeOf<TPack>() != TPack.Width * x.Type.SizeInBytes())
            throw new InvalidOperationException($"{x} is not stored as {typeof(TPack).Name}");
        return x.Type == DType.Float32 ? x.View.Cast<TPack>() : x.ViewOf<BFloat16>().Cast<TPack>();
    }
}

/// <summary>A kernel that is generic over packs, with its arguments. A record that holds them implements it.</summary>
public interface IPackLaunch
{
    /// <summary>Loads the kernel for a type of pack and returns an action that launches it.</summary>
    /// <typeparam name="TPack">Type of the packs.</typeparam>
    Action Load<TPack>()
        where TPack : unmanaged, IPack<TPack>;
}
