using System.Buffers.Binary;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>
/// Damages a file the way disks, transfers, editors and attackers do: flipped bits, runs overwritten, removed, inserted, doubled or swapped, a cut end,
/// two files joined, and numbers, lengths above all, set to extremes. One to four such changes make a mutant.
/// </summary>
internal static class Mutation
{
    private const int MaxChanges = 4, MaxInserted = 256, MaxAppended = 4096;
    private const double AnotherChange = 0.3, InText = 0.6, StaleLength = 0.1;
    private const int LengthBytes = 8;

    private static readonly Func<byte[], Random, byte[]>[] Changes =
    [
        FlipBits, Overwrite, Fill, CutEnd, Duplicate, Insert, Remove, SetNumber, SetNumber, Swap,
        (bytes, random) => [.. bytes, .. random.Next(4) == 0 ? bytes : bytes[random.Next(bytes.Length)..]],
        (bytes, random) => [.. bytes, .. new byte[random.Next(1, MaxAppended)]],
    ];

    /// <summary>Returns mutant <paramref name="index"/> of a file; the same arguments give the same bytes, which differ from the file's.</summary>
    /// <param name="file">A valid file; not empty.</param>
    /// <param name="structure">What is known of its format.</param>
    /// <param name="seed">Seed of all mutants.</param>
    /// <param name="index">Number of the mutant, from 0.</param>
    public static byte[] Apply(byte[] file, Structure structure, ulong seed, long index)
    {
        var random = new Random(Mix(seed, index));
        byte[] mutant = file;
        int changes = 1;
        while (changes < MaxChanges && random.NextDouble() < AnotherChange)
            changes++;
        for (int i = 0; i < changes && mutant.Length > 0; i++)
            mutant = structure != Structure.Bytes && random.NextDouble() < InText ? ChangeText(mutant, structure, random) : Changes[random.Next(Changes.Length)](mutant, random);
        return mutant.AsSpan().SequenceEqual(file) ? FlipBits(file, random) : mutant;
    }

    /// <summary>Changes the text of a file. The length before a safetensors header mostly follows the header's.</summary>
    private static byte[] ChangeText(byte[] file, Structure structure, Random random)
    {
        if (structure == Structure.Text)
            return TextMutation.Apply(file, random);
        if (file.Length < LengthBytes || BinaryPrimitives.ReadInt64LittleEndian(file) is var length && (length < 1 || length > file.Length - LengthBytes))
            return FlipBits(file, random);
        byte[] header = TextMutation.Apply(file[LengthBytes..(LengthBytes + (int)length)], random), prefix = file[..LengthBytes];
        if (random.NextDouble() >= StaleLength)
            BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
        return [.. prefix, .. header, .. file[(LengthBytes + (int)length)..]];
    }

    private static byte[] FlipBits(byte[] file, Random random)
    {
        byte[] changed = [.. file];
        for (int i = random.Next(1, 9); i > 0; i--)
            changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
        return changed.AsSpan().SequenceEqual(file) ? [(byte)(file[0] ^ 1), .. file[1..]] : changed;
    }

    private static byte[] Overwrite(byte[] file, Random random)
    {
        byte[] changed = [.. file];
        random.NextBytes(changed.AsSpan(Run(file, random)));
        return changed;
    }

    private static byte[] Fill(byte[] file, Random random)
    {
        byte[] changed = [.. file];
        changed.AsSpan(Run(file, random)).Fill((byte[])[0, 0xff, 0x7f, 0x80, (byte)' '] is var values ? values[random.Next(values.Length)] : default);
        return changed;
    }

    private static byte[] CutEnd(byte[] file, Random random) => file[..(random.Next(3) == 0 ? Math.Max(0, file.Length - random.Next(1, 17)) : random.Next(file.Length))];

    private static byte[] Duplicate(byte[] file, Random random)
    {
        Range run = Run(file, random);
        int at = random.Next(file.Length + 1);
        return [.. file[..at], .. file[run], .. file[at..]];
    }

    private static byte[] Insert(byte[] file, Random random)
    {
        byte[] inserted = new byte[random.Next(1, MaxInserted)];
        random.NextBytes(inserted);
        int at = random.Next(file.Length + 1);
        return [.. file[..at], .. inserted, .. file[at..]];
    }

    private static byte[] Remove(byte[] file, Random random)
    {
        Range run = Run(file, random);
        return [.. file[..run.Start.Value], .. file[run.End.Value..]];
    }

    private static byte[] Swap(byte[] file, Random random)
    {
        int length = random.Next(1, Math.Max(2, file.Length / 4));
        if (file.Length < 2 * length)
            return FlipBits(file, random);
        int first = random.Next(file.Length - 2 * length + 1), second = random.Next(first + length, file.Length - length + 1);
        byte[] changed = [.. file];
        file.AsSpan(first, length).CopyTo(changed.AsSpan(second));
        file.AsSpan(second, length).CopyTo(changed.AsSpan(first));
        return changed;
    }

    /// <summary>Sets a number of one to eight bytes, at either end of the file more often than between, where headers and directories are.</summary>
    private static byte[] SetNumber(byte[] file, Random random)
    {
        int size = 1 << random.Next(4);
        if (file.Length < size)
            return FlipBits(file, random);
        int places = file.Length - size + 1, near = Math.Min(places, 64);
        int at = random.Next(3) switch { 0 => random.Next(near), 1 => places - 1 - random.Next(near), _ => random.Next(places) };
        byte[] changed = [.. file];
        ulong old = 0;
        for (int i = 0; i < size; i++)
            old |= (ulong)file[at + i] << 8 * i;
        ulong top = 1UL << (8 * size - 1);
        ulong[] values = [0, 1, ulong.MaxValue, top - 1, top, old + 1, old - 1, 2 * old, 1 << 16, (ulong)file.Length, (ulong)file.Length + 1];
        ulong value = values[random.Next(values.Length)];
        bool bigEndian = random.Next(2) == 0;
        for (int i = 0; i < size; i++)
            changed[at + i] = (byte)(value >> 8 * (bigEndian ? size - 1 - i : i));
        return changed;
    }

    /// <summary>Returns a run of at least one byte; short ones are more frequent.</summary>
    private static Range Run(byte[] file, Random random)
    {
        int length = Math.Clamp((int)Math.Pow(file.Length, random.NextDouble()), 1, file.Length), start = random.Next(file.Length - length + 1);
        return start..(start + length);
    }

    /// <summary>Mixes seed and number into the seed of a generator (the finaliser of SplitMix64).</summary>
    private static int Mix(ulong seed, long index)
    {
        ulong z = seed * 0x9E3779B97F4A7C15 + (ulong)index + 1;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (int)(z ^ (z >> 31));
    }
}
