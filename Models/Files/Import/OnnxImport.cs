using System.Text;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Models;

/// <summary>
/// Imports the initialisers of an ONNX model (onnx.proto3: ModelProto.graph is field 7, GraphProto.initializer 5): tensors of plain numbers whose bytes lie in the file.
/// Nodes of the graph are passed over.
/// </summary>
internal static class OnnxImport
{
    /// <summary>How a model begins: field 1, the version of the format.</summary>
    public const byte FirstByte = 0x08;

    private const int Graph = 7, Initializer = 5, SparseInitializer = 15, MaxTensors = 100_000, LongestName = 1024, MaxRank = 8;

    /// <summary>Reads a file.</summary>
    public static ImportContent Read(FileBytes file, string? key)
    {
        if (key is not null)
            throw file.Refuse($"has no key '{key}': it is an ONNX model, whose tensors lie in one graph");
        ProtobufBudget budget = new();
        ProtobufReader model = new(file, file.All, budget);
        ByteRange? graph = null;
        while (model.Next())
        {
            if (model is not { Field: Graph, Type: ProtobufReader.Bytes })
                model.Skip();
            else if (graph is null)
                graph = model.ReadBytes();
            else
                throw file.Refuse("has two graphs");
        }

        return ReadGraph(file, new ProtobufReader(file, graph ?? throw file.Refuse("is no file of PyTorch, NVIDIA's EDM or ONNX: a message without a graph"), budget), budget);
    }

    private static ImportContent ReadGraph(FileBytes file, ProtobufReader graph, ProtobufBudget budget)
    {
        List<ImportedTensor> tensors = [];
        int skipped = 0;
        while (graph.Next())
        {
            if (graph is { Field: Initializer, Type: ProtobufReader.Bytes })
            {
                if (tensors.Count + skipped == MaxTensors)
                    throw file.Refuse($"has more than {MaxTensors} initialisers");
                if (Tensor.Read(file, graph.ReadBytes(), budget) is { } tensor)
                    tensors.Add(tensor);
                else
                    skipped++;
                continue;
            }

            skipped += graph.Field == SparseInitializer ? 1 : 0;
            graph.Skip();
        }

        return new ImportContent("ONNX initialisers", tensors) { Skipped = skipped };
    }

    /// <summary>A TensorProto while it is read.</summary>
    private sealed class Tensor
    {
        private readonly List<long> dims = [];
        private string name = "";
        private ulong type;
        private ByteRange? raw, floats;

        /// <summary>Reads a tensor; null if its numbers are of a type, or stored in a way, that weights do not have.</summary>
        public static ImportedTensor? Read(FileBytes file, ByteRange range, ProtobufBudget budget)
        {
            Tensor tensor = new();
            ProtobufReader message = new(file, range, budget);
            while (message.Next())
                tensor.Take(file, message, budget);
            SafetensorsType? element = tensor.type switch { 1 => SafetensorsType.F32, 10 => SafetensorsType.F16, 11 => SafetensorsType.F64, 6 => SafetensorsType.I32, 7 => SafetensorsType.I64, _ => null };
            if (element is not { } type || (tensor.raw ?? (type == SafetensorsType.F32 ? tensor.floats : null)) is not { } bytes)
                return null;
            long[] shape = [.. tensor.dims];
            if (!SafetensorsEntry.TryMeasure(shape, type, out long length) || length != bytes.Length)
                throw file.Refuse($"initialiser '{tensor.name}' of {type.FileName()} {SafetensorsEntry.FormatShape(shape)} has {bytes.Length} bytes");
            return new ImportedTensor(tensor.name, type, shape, take => file.ReadPieces(bytes, take));
        }

        // TensorProto: 1 dims, 2 data_type, 3 segment, 4 float_data, 8 name, 9 raw_data, 13 external_data, 14 data_location.
        private void Take(FileBytes file, ProtobufReader message, ProtobufBudget budget)
        {
            switch (message.Field, message.Type)
            {
                case (1, ProtobufReader.Varint): AddDim(file, message.ReadNumber()); break;
                case (1, ProtobufReader.Bytes): AddDims(file, message.ReadBytes(), budget); break;
                case (2, ProtobufReader.Varint): type = message.ReadNumber(); break;
                case (4, ProtobufReader.Bytes): Set(file, ref floats, message.ReadBytes()); break;
                case (8, ProtobufReader.Bytes): name = NameOf(file, message.ReadBytes()); break;
                case (9, ProtobufReader.Bytes): Set(file, ref raw, message.ReadBytes()); break;
                case (3 or 13, _): throw file.Refuse($"initialiser '{name}' lies in another file or in parts, which is not read");
                case (14, ProtobufReader.Varint):
                    if (message.ReadNumber() != 0)
                        throw file.Refuse($"initialiser '{name}' lies in another file, which is not read");
                    break;
                default: message.Skip(); break;
            }
        }

        private void AddDims(FileBytes file, ByteRange packed, ProtobufBudget budget)
        {
            ProtobufReader numbers = new(file, packed, budget);
            while (numbers.HasMore)
                AddDim(file, numbers.ReadNumber());
        }

        private void AddDim(FileBytes file, ulong extent)
        {
            if (dims.Count == MaxRank || extent > long.MaxValue)
                throw file.Refuse($"initialiser '{name}' has more than {MaxRank} extents, or a negative one");
            dims.Add((long)extent);
        }

        private void Set(FileBytes file, ref ByteRange? slot, ByteRange bytes) =>
            slot = slot is null ? bytes : throw file.Refuse($"initialiser '{name}' has its numbers twice");

        private static string NameOf(FileBytes file, ByteRange range) =>
            range.Length <= LongestName ? Encoding.UTF8.GetString(file.Read(range)) : throw file.Refuse($"has an initialiser with a name of {range.Length} bytes");
    }
}
