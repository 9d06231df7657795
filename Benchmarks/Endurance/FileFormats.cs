using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using TrigFlowNative.Benchmarks.Report;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Benchmarks.Tables;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Models;
using TrigFlowNative.Training;
using TrigFlowNative.Training.Files;
using TrigFlowNative.Training.Runs;
using TrigFlowNative.Training.Steps;

namespace TrigFlowNative.Benchmarks.Endurance;

/// <summary>All formats of files that the project reads. A new format is one line here.</summary>
internal static class FileFormats
{
    private const float SigmaData = 0.5f;

    /// <summary>Every part of a network (levels, attention, skips, classes) in few weights.</summary>
    private static readonly DdpmppConfig Network = new()
    {
        Resolution = 4,
        ImageChannels = 3,
        LabelCount = 3,
        ModelChannels = 4,
        ChannelMult = [1, 1],
        BlocksPerLevel = 1,
        AttentionResolutions = [2],
    };

    /// <summary>Every format, in the order of tables.</summary>
    public static IReadOnlyList<FileFormat> All { get; } =
    [
        new("weights", Structure.TextThenBytes, HasChecksum: true, Weights),
        new("state", Structure.TextThenBytes, HasChecksum: true, State),
        new("fixture", Structure.TextThenBytes, HasChecksum: false, Fixture),
        new("config.json", Structure.Text, HasChecksum: false, Config),
        new("metrics.csv", Structure.Text, HasChecksum: false, Metrics),
        new("kernel-cache", Structure.Bytes, HasChecksum: true, KernelCache),
        new("samples.npz", Structure.Bytes, HasChecksum: false, Samples),
        .. ImageFormats.All,
        new("benchmarks.csv", Structure.Text, HasChecksum: false, Results),
        new("benchmarks.json", Structure.Text, HasChecksum: false, ResultsAsJson),
        new("shapes.csv", Structure.Text, HasChecksum: false, Shapes),
    ];

    /// <summary>Returns a format by name.</summary>
    /// <exception cref="UsageException">There is none; the message lists them.</exception>
    public static FileFormat Get(string name) => All.FirstOrDefault(each => each.Name == name)
        ?? throw new UsageException($"there is no format '{name}': {string.Join(", ", All.Select(each => each.Name))}");

    private static FileSample Weights(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "model.safetensors");
        INetwork network = Network.Build();
        using (ParameterSlab weights = network.CreateSlab(device))
        {
            network.Initialise(weights, seed: 1);
            WeightFile.Save(path, network, weights, new WeightDescription(SigmaData, ModelKind.Diffusion));
        }

        return new FileSample(path, () =>
        {
            LoadedWeights loaded = WeightFile.Load(path, device);
            using (loaded.Weights)
            {
                return
                [
                    .. Encoding.UTF8.GetBytes($"{loaded.Network.Config.ToJson()} {loaded.Description}"),
                    .. loaded.Network.Parameters.SelectMany(each => MemoryMarshal.AsBytes<float>(loaded.Weights[each.Name].Value.ToArray()).ToArray()),
                ];
            }
        });
    }

    private static FileSample State(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "step-0000000012.safetensors");
        float[] weights = [.. Enumerable.Range(0, 60).Select(i => i * 0.37f - 9)];
        StateTensor[] state =
        [
            new("weights", device.CreateTensor(new Shape(60), weights)), new("moments", device.CreateTensor(new Shape(3, 20), weights)),
            new("counters", device.CreateTensor(new Shape(2), DType.Int32)), new("sums", device.CreateTensor(new Shape(5), DType.Float64)),
        ];
        Checkpoint.Save(path, step: 12, state);
        return new FileSample(path, () =>
        {
            long step = Checkpoint.Load(path, state);
            int[] counters = new int[2];
            double[] sums = new double[5];
            state[2].Value.Download(counters.AsSpan());
            state[3].Value.Download(sums.AsSpan());
            return
            [
                .. BitConverter.GetBytes(step), .. MemoryMarshal.AsBytes<float>(state[0].Value.ToArray()), .. MemoryMarshal.AsBytes<float>(state[1].Value.ToArray()),
                .. MemoryMarshal.AsBytes<int>(counters), .. MemoryMarshal.AsBytes<double>(sums),
            ];
        });
    }

    private static FileSample Fixture(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "fixture.safetensors");
        var writer = new SafetensorsWriter();
        writer.SetMetadata("config", Network.ToJson());
        long[] images = [1, Network.ImageChannels, Network.Resolution, Network.Resolution];
        foreach ((string name, long[] shape) in (IEnumerable<(string, long[])>)
            [("x", images), ("t", [1]), ("tangent.x", images), ("tangent.t", [1]), ("cotangent", images), ("F", images), ("JVP", images)])
            Add(name, shape);
        writer.Add("labels", [1, 3], (ReadOnlyMemory<float>)(float[])[0, 1, 0]);
        foreach (ParameterSpec parameter in Network.Build().Parameters)
        {
            Add($"param.{parameter.Name}", [.. parameter.FileShape]);
            Add($"grad.{parameter.Name}", [.. parameter.FileShape]);
        }

        writer.Save(path);
        return new FileSample(path, () => Encoding.UTF8.GetBytes(string.Join(' ', FixtureCheck.Run(path, device))));

        void Add(string name, long[] shape) =>
            writer.Add(name, shape, (ReadOnlyMemory<float>)(float[])[.. Enumerable.Range(0, (int)shape.Aggregate(1L, (a, b) => a * b)).Select(i => 0.1f + 0.001f * i)]);
    }

    /// <summary>config.json as it is read when a complete run is continued.</summary>
    private static FileSample Config(string folder, ComputeDevice device)
    {
        string run = Path.Combine(folder, "run"), data = Path.Combine(folder, "data_batch_1.bin");
        File.WriteAllBytes(data, NoiseImages.Cifar(images: 20));
        var config = new RunConfig
        {
            Preset = "demo",
            Data = data,
            Images = 4,
            Network = Network with { LabelCount = 0 },
            Training = TrainingPresets.Get("demo", "trigflow").Options with { Batch = 2 },
        };
        Trainer.Run(config, run, device);
        return new FileSample(Path.Combine(run, "config.json"), () => Encoding.UTF8.GetBytes(Trainer.Run(config, run, device).ToString()));
    }

    private static FileSample Metrics(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "metrics.csv");
        using (var log = new MetricsLog(path, lastStep: 0))
            for (int step = 1; step <= 12; step++)
                log.Append(new MetricsRow { Step = 5 * step, Objective = "sct", KImg = 0.04 * step, LearningRate = 1e-3, Means = new Dictionary<string, double> { ["loss"] = 1.0 / step, ["tangent_norm"] = step } });
        return new FileSample(path, () =>
        {
            MetricsLog.Join(path + ".joined", path);
            using var log = new MetricsLog(path, lastStep: 40);
            return Encoding.UTF8.GetBytes(string.Join('\n', log.Rows));
        });
    }

    private static FileSample KernelCache(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "kernel.cubin");
        CubinCache.TryWrite(path, [.. Enumerable.Range(0, 3000).Select(i => (byte)(i * i))]);
        return new FileSample(path, () => CubinCache.TryRead(path) ?? throw new InvalidFileException(path, "is compiled anew"));
    }

    private static FileSample Samples(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "samples.npz");
        Npz.Write(path, new ByteImages(NoiseImages.Bytes(2 * 8 * 8 * 3), 2, 8, 8, 3));
        return new FileSample(path, () => Npz.Read(path).Pixels.ToArray());
    }

    private static FileSample Results(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, RunFolder.Table);
        CsvTable.Write(path, Rows());
        return new FileSample(path, () => Encoding.UTF8.GetBytes(RowTables.Full(CsvTable.Read<BenchmarkRow>(path))));
    }

    private static FileSample ResultsAsJson(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "benchmarks.json");
        JsonTable.Write(path, BenchmarkRow.CurrentSchema, Rows());
        return new FileSample(path, () => Encoding.UTF8.GetBytes(RowTables.Full(JsonTable.Read<BenchmarkRow>(path))));
    }

    private static FileSample Shapes(string folder, ComputeDevice device)
    {
        string path = Path.Combine(folder, "shapes.csv");
        File.WriteAllText(path, "op,direction,shape\ngemm,forward,7x8x9\nconv,,n2 8->16 4x4 k3\nnorm,backward,n2 c12 4x4\n");
        return new FileSample(path, () => Encoding.UTF8.GetBytes(string.Join('\n', Cases.BenchmarkSuite.FromFile(path, DType.Float32))));
    }

    private static BenchmarkRow[] Rows() =>
    [
        .. Enumerable.Range(1, 4).Select(i => new BenchmarkRow
        {
            Op = "gemm",
            Direction = Direction.Forward,
            Shape = string.Create(CultureInfo.InvariantCulture, $"{i}x{i}x{i}"),
            Type = "fp32",
            Path = "cpu",
            Microseconds = 12.5 * i,
            Low = 12 * i,
            High = 13 * i,
            Repetitions = 20,
            Flops = 2e6 * i,
            Bytes = 3e5 * i,
            Verdict = BenchmarkRow.Right,
            Note = "a note, with a comma",
        }),
    ];
}
