namespace TrigFlowNative.Training.Files;

/// <summary>The cyclic redundancy check of zip and PNG: reflected polynomial 0x04C11DB7, initial value and final xor all ones.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = MakeTable();

    internal static uint Of(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
            crc = (crc >> 8) ^ Table[(crc ^ value) & 0xff];
        return ~crc;
    }

    private static uint[] MakeTable()
    {
        uint[] table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
                value = (value >> 1) ^ ((value & 1) * 0xedb88320u);
            table[i] = value;
        }

        return table;
    }
}
