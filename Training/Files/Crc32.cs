using System.Buffers.Binary;

namespace TrigFlowNative.Training.Files;

/// <summary>The cyclic redundancy check of zip and PNG: reflected polynomial 0x04C11DB7, initial value and final xor all ones.</summary>
internal static class Crc32
{
    // A byte's step depends on the one before it. Eight tables, one for each distance from the end, take eight bytes at a time (slicing-by-8,
    // Kounavis and Berry 2005).
    private const int Slices = 8;
    private static readonly uint[][] Tables = MakeTables();

    internal static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint[][] t = Tables;
        uint crc = uint.MaxValue;
        for (; bytes.Length >= Slices; bytes = bytes[Slices..])
        {
            uint low = crc ^ BinaryPrimitives.ReadUInt32LittleEndian(bytes);
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = t[7][low & 0xff] ^ t[6][(low >> 8) & 0xff] ^ t[5][(low >> 16) & 0xff] ^ t[4][low >> 24]
                ^ t[3][high & 0xff] ^ t[2][(high >> 8) & 0xff] ^ t[1][(high >> 16) & 0xff] ^ t[0][high >> 24];
        }

        foreach (byte value in bytes)
            crc = (crc >> 8) ^ t[0][(crc ^ value) & 0xff];
        return ~crc;
    }

    private static uint[][] MakeTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, Slices).Select(_ => new uint[256])];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
                value = (value >> 1) ^ ((value & 1) * 0xedb88320u);
            tables[0][i] = value;
        }

        for (int slice = 1; slice < Slices; slice++)
        {
            for (int i = 0; i < 256; i++)
                tables[slice][i] = (tables[slice - 1][i] >> 8) ^ tables[0][tables[slice - 1][i] & 0xff];
        }

        return tables;
    }
}
