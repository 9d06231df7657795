using System.Runtime.CompilerServices;
using ILGPU;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Kernels.Device;

/// <summary>Chooses the pack with which a kernel goes through tensors.</summary>
internal static class Packs
{
    /// <summary>
    /// Loads a kernel for packs of eight if the storage is bf16 and every run of elements that it treats as one (a whole tensor, or
    /// the channels of a pixel) is a multiple of eight; otherwise for single elements.
    /// </summary>
    /// <param name="type">fp32 or bf16: storage of all the tensors.</param>
    /// <param name="run">Length of the runs; of several lengths, their bitwise or, whose last three bits are 0 if all of theirs are.</param>
    /// <param name="launch">Loads the kernel.</param>
    /// <returns>What launches the kernel.</returns>
    public static Action Load<TLaunch>(DType type, int run, TLaunch launch)
        where TLaunch : IPackLaunch
    {
        if (type == DType.Float32)
            return launch.Load<One<Single32>>();
        return run % Bf16x8.Width == 0 ? launch.Load<Bf16x8>() : launch.Load<One<BFloat16>>();
    }

    /// <summary>All stored elements of a tensor in packs.</summary>
    /// <exception cref="InvalidOperationException">The tensor is stored in another type.</exception>
    public static ArrayView<TPack> View<TPack>(Tensor x)
        where TPack : unmanaged, IPack<TPack>
    {
        if (Unsafe.SizeOf<TPack>() != TPack.Width * x.Type.SizeInBytes())
            throw new InvalidOperationException($"{x} is not stored as {typeof(TPack).Name}");
        return x.Type == DType.Float32 ? x.View.Cast<TPack>() : x.ViewOf<BFloat16>().Cast<TPack>();
    }
}

/// <summary>A kernel that is generic over packs, with its arguments.</summary>
internal interface IPackLaunch
{
    /// <summary>Loads the kernel for a type of pack and returns what launches it.</summary>
    Action Load<TPack>()
        where TPack : unmanaged, IPack<TPack>;
}
