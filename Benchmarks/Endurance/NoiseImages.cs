namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>Small data sets of noise, the same at every call.</summary>
internal static class NoiseImages
{
    private const int CifarRecord = 1 + 3 * 32 * 32;

    /// <summary>Bytes of a fixed sequence.</summary>
    public static byte[] Bytes(int count, int seed = 3)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A file of CIFAR-10's binary form: records of a label and 32 x 32 pixels in planes.</summary>
    public static byte[] Cifar(int images)
    {
        byte[] records = Bytes(images * CifarRecord);
        for (int i = 0; i < images; i++)
            records[i * CifarRecord] = (byte)(i % 10);
        return records;
    }
}
