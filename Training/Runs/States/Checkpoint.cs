using System.Globalization;
using System.Runtime.InteropServices;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Training.Runs;

/// <summary>
/// A training state in one safetensors file: weights, moments, averages and counters as named tensors, and the step in the
/// metadata. Loading restores the same bits, so a resumed run continues as if it had never stopped.
/// </summary>
public static class Checkpoint
{
    /// <summary>States of the first form may have no checksum; those of the second must, so that damage to its key is no way around it.</summary>
    private const string FormatKey = "format", FirstFormat = "trigflow-training-state-1", FormatName = "trigflow-training-state-2";

    private const string StepKey = "step", IdentityKey = "identity";

    /// <summary>Writes a checkpoint; the file appears whole or not at all.</summary>
    /// <param name="path">File to write.</param>
    /// <param name="step">Training steps done.</param>
    /// <param name="state">Tensors of the state, with different names.</param>
    /// <param name="identity">What the run was begun with; null leaves it out.</param>
    /// <exception cref="ArgumentException">Two tensors have the same name.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, long step, IReadOnlyList<StateTensor> state, RunIdentity? identity = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        var writer = new SafetensorsWriter();
        writer.SetMetadata(FormatKey, FormatName);
        writer.SetMetadata(StepKey, step.ToString(CultureInfo.InvariantCulture));
        if (identity is not null)
            writer.SetMetadata(IdentityKey, identity.ToJson());
        foreach (StateTensor tensor in state)
            writer.Add(tensor.Name, FileType(tensor.Value.Type), ExtentsOf(tensor), stream => stream.Write(Download(tensor)));
        writer.Save(path);
    }

    /// <summary>Reads all of a checkpoint and checks that it holds what was written.</summary>
    /// <exception cref="InvalidFileException">The file is missing, damaged, or no checkpoint.</exception>
    /// <exception cref="IOException">The disk cannot be read.</exception>
    public static SavedState Inspect(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        long step = StepOf(file);
        file.VerifyChecksum();
        return new SavedState(path, step, file.Metadata.TryGetValue(IdentityKey, out string? json) ? RunIdentity.FromJson(path, json) : null);
    }

    /// <summary>Reads a checkpoint into the given tensors. They change only if the whole file is sound.</summary>
    /// <returns>Training steps done.</returns>
    /// <exception cref="InvalidFileException">The file is missing, damaged, or belongs to a run of another configuration.</exception>
    public static long Load(string path, IReadOnlyList<StateTensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        long step = StepOf(file);
        if (file.Entries.Count != state.Count)
            throw new InvalidFileException(path, $"holds {file.Entries.Count} tensors, this run has {state.Count}");
        var contents = new List<byte[]>(state.Count);
        foreach (StateTensor tensor in state)
        {
            if (file.Require(tensor.Name, ExtentsOf(tensor)).Type != FileType(tensor.Value.Type))
                throw new InvalidFileException(path, $"'{tensor.Name}' is not stored as {tensor.Value.Type}");
            contents.Add(file.ReadBytes(tensor.Name));
        }

        file.VerifyChecksum();
        foreach ((StateTensor tensor, byte[] bytes) in state.Zip(contents))
            Upload(tensor, bytes);
        return step;
    }

    private static long StepOf(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(FormatKey, out string? format) || format is not (FirstFormat or FormatName))
            throw new InvalidFileException(file.Path, "is not a training state");
        if (format == FormatName && !file.HasChecksum)
            throw new InvalidFileException(file.Path, "has lost its checksum: it is damaged");
        return file.Metadata.TryGetValue(StepKey, out string? text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long step)
            ? step
            : throw new InvalidFileException(file.Path, "has no valid step in its metadata");
    }

    private static SafetensorsType FileType(DType type) => type switch
    {
        DType.Float32 => SafetensorsType.F32,
        DType.Int32 => SafetensorsType.I32,
        DType.Float64 => SafetensorsType.F64,
        _ => SafetensorsType.BF16,
    };

    private static long[] ExtentsOf(StateTensor tensor) =>
        tensor.Slab is { } slab ? [slab.LayoutCount] : [.. tensor.Value.Shape.ToArray().Select(extent => (long)extent)];

    private static byte[] Download(StateTensor state)
    {
        Tensor tensor = state.Value;
        if (state.Slab is { } slab)
            return MemoryMarshal.AsBytes<float>(slab.ToLayoutOrder(tensor.ToArray())).ToArray();
        byte[] bytes = new byte[tensor.Count * tensor.Type.SizeInBytes()];
        switch (tensor.Type)
        {
            case DType.Float64:
                tensor.Download(MemoryMarshal.Cast<byte, double>(bytes.AsSpan()));
                break;
            case DType.BFloat16:
                tensor.Download(MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan()));
                break;
            case DType.Int32:
                tensor.Download(MemoryMarshal.Cast<byte, int>(bytes.AsSpan()));
                break;
            default:
                tensor.Download(MemoryMarshal.Cast<byte, float>(bytes.AsSpan()));
                break;
        }

        return bytes;
    }

    private static void Upload(StateTensor state, byte[] bytes)
    {
        Tensor tensor = state.Value;
        if (state.Slab is { } slab)
        {
            tensor.Upload<float>(slab.FromLayoutOrder(MemoryMarshal.Cast<byte, float>(bytes)));
            return;
        }

        switch (tensor.Type)
        {
            case DType.Float64:
                tensor.Upload(MemoryMarshal.Cast<byte, double>((ReadOnlySpan<byte>)bytes));
                break;
            case DType.BFloat16:
                tensor.Upload(MemoryMarshal.Cast<byte, ushort>((ReadOnlySpan<byte>)bytes));
                break;
            case DType.Int32:
                tensor.Upload(MemoryMarshal.Cast<byte, int>((ReadOnlySpan<byte>)bytes));
                break;
            default:
                tensor.Upload(MemoryMarshal.Cast<byte, float>((ReadOnlySpan<byte>)bytes));
                break;
        }
    }
}
