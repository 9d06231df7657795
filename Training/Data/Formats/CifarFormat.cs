using System.Text;

namespace TrigFlowNative.Training.Data;

/// <summary>One of the two data sets of 32 x 32 pixels in binary form (Krizhevsky 2009).</summary>
internal sealed record CifarFormat
{
    /// <summary>Largest size in bytes of a file of class names that is read.</summary>
    internal const int MaxNamesBytes = 1 << 16;

    /// <summary>Height and width of the images.</summary>
    internal const int Side = 32;

    private const int Pixels = 3 * Side * Side;

    private static readonly string[] TenNames = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    private CifarFormat(string name, int labelBytes, int labelCount, string namesFile) =>
        (Name, LabelBytes, LabelCount, NamesFile) = (name, labelBytes, labelCount, namesFile);

    /// <summary>Ten classes; records begin with one byte, the class.</summary>
    internal static CifarFormat Ten { get; } = new("CIFAR-10", 1, 10, "batches.meta.txt");

    /// <summary>A hundred classes; records begin with the coarse and the fine class, of which the fine one, the last byte, is read.</summary>
    internal static CifarFormat Hundred { get; } = new("CIFAR-100", 2, 100, "fine_label_names.txt");

    /// <summary>Name of the data set.</summary>
    internal string Name { get; }

    /// <summary>Bytes of labels at the start of a record; the last is the class.</summary>
    internal int LabelBytes { get; }

    /// <summary>Number of classes.</summary>
    internal int LabelCount { get; }

    /// <summary>Name of the file beside the records that names the classes, one a line.</summary>
    internal string NamesFile { get; }

    /// <summary>Length of a record in bytes.</summary>
    internal int RecordLength => LabelBytes + Pixels;

    /// <summary>The data set whose training records lie in files of this name, without folders; null for other files.</summary>
    internal static CifarFormat? OfTrainingFile(string file) =>
        file.StartsWith("data_batch_", StringComparison.Ordinal) && file.EndsWith(".bin", StringComparison.Ordinal) ? Ten : file == "train.bin" ? Hundred : null;

    /// <summary>
    /// The data set of a single file. CIFAR-100's files are called train.bin and test.bin; such a file that is no whole number of its records
    /// but of CIFAR-10's is taken as that, as all other names are.
    /// </summary>
    /// <param name="file">The file's name without folders.</param>
    /// <param name="length">The file's length in bytes.</param>
    internal static CifarFormat OfFile(string file, long length) =>
        file is "train.bin" or "test.bin" && (length % Hundred.RecordLength == 0 || length % Ten.RecordLength != 0) ? Hundred : Ten;

    /// <summary>The names of the classes.</summary>
    /// <param name="text">Content of <see cref="NamesFile"/>; null if there is none.</param>
    internal IReadOnlyList<string> ClassNames(ReadOnlyMemory<byte>? text)
    {
        string[] lines = text is null ? [] : Encoding.UTF8.GetString(text.Value.Span).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.Length == LabelCount ? lines : this == Ten ? TenNames : DatasetDescription.NumberNames(LabelCount);
    }
}
