using System.Runtime.InteropServices;

namespace TrigFlowNative.Models;

/// <summary>Arrays of NumPy in a pickle: <c>_reconstruct</c> with a state of shape, type, order and bytes up to protocol 4, and <c>_frombuffer</c> in protocol 5.</summary>
internal static class NumpyArray
{
    private const int MaxRank = 8;

    private static readonly string[] Reconstruct = ["numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"];
    private static readonly string[] FromBuffer = ["numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"];

    /// <summary>Whether a value is an array.</summary>
    public static bool Is(PickleValue? value) => value is PickleCall call && (Reconstruct.Contains(call.Callee) || FromBuffer.Contains(call.Callee));

    /// <summary>Reads an array of floating-point numbers in C order.</summary>
    /// <param name="file">The file.</param>
    /// <param name="value">The array's record.</param>
    /// <param name="name">What it is called in messages.</param>
    /// <exception cref="Engine.InvalidFileException">The record is malformed, the numbers are not float64 or float32 in C order with the low byte first, or there are too few or too many bytes.</exception>
    public static (int[] Shape, double[] Values) Read(FileBytes file, PickleValue? value, string name)
    {
        (PickleValue type, PickleValue extents, PickleBytes bytes) = Parts(file, value, name);
        int[] shape = ShapeOf(file, extents, name);
        int size = SizeOf(file, type, name);
        Int128 count = shape.Aggregate(Int128.One, (product, extent) => product * extent);
        if (count * size != bytes.Range.Length || count > Array.MaxLength / size)
            throw file.Refuse($"array '{name}' has {bytes.Range.Length} bytes, its shape ({string.Join(", ", shape)}) needs {count * size}");
        byte[] raw = file.Read(bytes.Range);
        double[] values = size == sizeof(double)
            ? MemoryMarshal.Cast<byte, double>(raw).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, float>(raw).ToArray(), each => (double)each);
        return values.All(double.IsFinite) ? (shape, values) : throw file.Refuse($"array '{name}' holds a number that is not finite");
    }

    private static (PickleValue Type, PickleValue Shape, PickleBytes Bytes) Parts(FileBytes file, PickleValue? value, string name)
    {
        if (value is PickleCall buffer && FromBuffer.Contains(buffer.Callee))
        {
            if (buffer.Arguments is [PickleBytes bytes, var type, var shape, PickleText order])
                return order.Value == "C" ? (type, shape, bytes) : throw file.Refuse($"array '{name}' has the order '{order.Value}', expected 'C'");
        }
        else if (value is PickleCall array && Reconstruct.Contains(array.Callee))
        {
            if (array.State is PickleSequence { Items: [PickleInteger, var shape, var type, PickleBool fortran, PickleBytes bytes] })
                return !fortran.Value ? (type, shape, bytes) : throw file.Refuse($"array '{name}' is stored in Fortran order");
        }
        else
        {
            throw file.Refuse($"'{name}' is {value?.Words ?? "missing"}, expected a NumPy array");
        }

        throw file.Refuse($"array '{name}' is not recorded as NumPy records one");
    }

    private static int[] ShapeOf(FileBytes file, PickleValue value, string name)
    {
        if (value is not PickleSequence { IsTuple: true, Items: { Count: <= MaxRank } items })
            throw file.Refuse($"array '{name}' has {value.Words} for a shape");
        return [.. items.Select(item => item is PickleInteger { Value: var extent } && extent >= 0 && extent <= int.MaxValue
            ? (int)extent
            : throw file.Refuse($"array '{name}' has {item.Words} for an extent"))];
    }

    /// <summary>Size of an element of floating-point numbers with the low byte first.</summary>
    private static int SizeOf(FileBytes file, PickleValue type, string name)
    {
        if (type is PickleCall { Callee: "numpy.dtype", Arguments: [PickleText { Value: var word }, ..], State: PickleSequence { Items: [PickleInteger, PickleText { Value: "<" }, ..] } }
            && word is "f8" or "f4")
        {
            return word == "f8" ? sizeof(double) : sizeof(float);
        }

        throw file.Refuse($"array '{name}' has elements of {(type is PickleCall { Arguments: [PickleText other, ..] } ? $"the type {other.Value}" : type.Words)}, expected float64 or float32 with the low byte first");
    }
}
