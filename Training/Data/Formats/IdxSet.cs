namespace TrigFlowNative.Training.Data;

/// <summary>
/// The data sets in idx files, told by the file's name or the folders that it lies in: MNIST (LeCun, Cortes, Burges), Fashion-MNIST (Xiao et
/// al. 2017), Kuzushiji-MNIST (Clanuwat et al. 2018), QMNIST (Yadav and Bottou 2019) and EMNIST (Cohen et al. 2017).
/// </summary>
/// <param name="Name">The data set in words.</param>
internal sealed record IdxSet(string Name)
{
    private const string Digits = "0123456789";
    private const string Capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    private const string Small = "abcdefghijklmnopqrstuvwxyz";

    // The small letters whose form differs from the capital's; EMNIST merges the others.
    private const string UnmergedSmall = "abdefghnqrt";

    private static readonly IdxSet Unknown = new("idx files");

    private static readonly IdxSet Fashion = new("Fashion-MNIST")
    {
        Names = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    };

    private static readonly IdxSet Kuzushiji = new("Kuzushiji-MNIST") { Names = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"] };

    /// <summary>
    /// Whether rows and columns are exchanged on reading: EMNIST's files hold each image column by column, so that read as MNIST's its letters
    /// lie on their sides and in a mirror.
    /// </summary>
    internal bool Transposed { get; private init; }

    private string[] Names { get; init; } = [];

    /// <summary>The data set that a file of images belongs to.</summary>
    internal static IdxSet Of(IdxName file)
    {
        if (file.Set.StartsWith("emnist", StringComparison.OrdinalIgnoreCase))
            return Emnist(file.Set["emnist".Length..].TrimStart('-', '_'));
        string[] folders = Path.GetFullPath(file.Path).Split(Path.DirectorySeparatorChar)[..^1];
        string hint = $"{file.Set}/{string.Join('/', folders.TakeLast(2))}";
        return Says("fashion") ? Fashion
            : Says("kmnist") || Says("kuzushiji") ? Kuzushiji
            : Says("qmnist") ? new IdxSet("QMNIST")
            : Says("mnist") ? new IdxSet("MNIST")
            : Unknown;

        bool Says(string word) => hint.Contains(word, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>
    /// Names of classes: those of the data set, or the numbers. EMNIST's letters are numbered from 1, as in their files; class 0 has no images.
    /// </summary>
    internal IReadOnlyList<string> ClassNames(int labelCount) => labelCount <= Names.Length ? [.. Names.Take(labelCount)] : DatasetDescription.NumberNames(labelCount);

    private static IdxSet Emnist(string part) => new($"EMNIST{(part.Length == 0 ? "" : " " + part)}")
    {
        Transposed = true,
        Names = part.ToLowerInvariant() switch
        {
            "letters" => ["none", .. Each(Small)],
            "byclass" => Each(Digits + Capitals + Small),
            "bymerge" or "balanced" => Each(Digits + Capitals + UnmergedSmall),
            _ => Each(Digits),
        },
    };

    private static string[] Each(string letters) => [.. letters.Select(letter => letter.ToString())];
}
