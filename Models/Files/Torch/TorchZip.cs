using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Files of <c>torch.save</c> since PyTorch 1.6: a zip archive of stored members, all in one folder of any name; <c>data.pkl</c> is the value, and <c>data/KEY</c> are the
/// storages' numbers.
/// </summary>
internal sealed class TorchZip
{
    private const string PickleName = "/data.pkl";
    private const int LongestWord = 64;

    private readonly FileBytes file;
    private readonly StoredZip zip;
    private readonly string folder;
    private readonly Dictionary<string, TorchStorage> storages = new(StringComparer.Ordinal);

    private TorchZip(FileBytes file, StoredZip zip, string folder) => (this.file, this.zip, this.folder) = (file, zip, folder);

    /// <summary>Whether an archive is such a file.</summary>
    public static bool Recognises(StoredZip zip) => zip.Names.Any(name => name.EndsWith(PickleName, StringComparison.Ordinal));

    /// <summary>Reads the value.</summary>
    /// <exception cref="InvalidFileException">The file is malformed, damaged, or holds a TorchScript program or numbers with the high byte first.</exception>
    public static TorchContent Open(FileBytes file, StoredZip zip)
    {
        string[] pickles = [.. zip.Names.Where(name => name.EndsWith(PickleName, StringComparison.Ordinal))];
        if (pickles.Length != 1)
            throw file.Refuse($"has {pickles.Length} members called data.pkl, expected one");
        string folder = pickles[0][..^(PickleName.Length - 1)];
        if (zip.Names.FirstOrDefault(name => !name.StartsWith(folder, StringComparison.Ordinal)) is { } outside)
            throw file.Refuse($"has a member '{outside}' outside of '{folder}'");
        if (zip.Names.Any(name => name == folder + "constants.pkl" || name.StartsWith(folder + "code/", StringComparison.Ordinal)))
            throw file.Refuse("is a TorchScript archive, a program; save the model's state_dict() instead");
        TorchZip torch = new(file, zip, folder);
        torch.CheckByteOrder();
        zip.Verify(pickles[0]);
        ByteRange range = zip.Find(pickles[0])!.Value;
        PickledValue pickle = PickleMachine.Read(file, range, TorchNames.Instance, PickleLimits.Default, "data.pkl");
        if (pickle.End != range.End)
            throw file.Refuse($"data.pkl: has {range.End - pickle.End} bytes behind its STOP");
        return new TorchContent(pickle.Value, new TorchTensors(file, torch.StorageOf), torch.Verify);
    }

    private void CheckByteOrder()
    {
        if (zip.Find(folder + "byteorder") is not { } range)
            return;
        string word = range.Length <= LongestWord ? Encoding.Latin1.GetString(file.Read(range)).Trim() : "too long a word";
        if (word != "little")
            throw file.Refuse($"says that its byte order is '{word}', expected 'little'");
    }

    private TorchStorage StorageOf(PickleValue value)
    {
        if (value is not PickleReference reference)
            throw file.Refuse($"has a tensor of {value.Words}, expected a storage");
        TorchReference found = TorchReference.Read(file, reference, mayView: false);
        if (storages.TryGetValue(found.Key, out TorchStorage? known))
        {
            return known.Type == found.Type && known.Count == found.Count
                ? known
                : throw file.Refuse($"storage '{found.Key}' is {known.Count} {known.Type.FileName()} in one place and {found.Count} {found.Type.FileName()} in another");
        }

        ByteRange bytes = zip.Find(NameOf(found.Key)) ?? throw file.Refuse($"has no member '{NameOf(found.Key)}' for the storage '{found.Key}'");
        if (bytes.Length != found.Count * found.Type.SizeInBytes())
            throw file.Refuse($"storage '{found.Key}' has {bytes.Length} bytes, but {found.Count} {found.Type.FileName()} are declared");
        TorchStorage storage = new(found.Type, found.Count, bytes);
        storages.Add(found.Key, storage);
        return storage;
    }

    private string NameOf(string key) => $"{folder}data/{key}";

    private void Verify()
    {
        foreach (string key in storages.Keys)
            zip.Verify(NameOf(key));
    }
}
