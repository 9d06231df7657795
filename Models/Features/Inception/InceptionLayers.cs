using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Models;

/// <summary>
/// Inception's convolutions, and the recording of its graph. Numbers of channels are those of the file, so that tests have narrow networks; names, windows and their
/// order are those of <see cref="InceptionTable"/>.
/// </summary>
internal sealed class InceptionLayers : IDisposable
{
    /// <summary>Epsilon of the batch norms.</summary>
    public const double Epsilon = 1e-3;

    private const string SpatialBlock = "Mixed_6d";
    private readonly Dictionary<string, GeneralWeight> weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FoldedConvolution> plan = new(StringComparer.Ordinal);

    /// <summary>Checks all names and shapes, then reads the weights.</summary>
    /// <exception cref="InvalidFileException">A tensor is missing, unknown, of another shape than the others imply, or not finite.</exception>
    /// <exception cref="MemoryLimitException">The device has not as much memory.</exception>
    public InceptionLayers(FeatureTensors tensors, ComputeDevice device, MatrixArithmetic arithmetic)
    {
        Features = Plan(tensors);
        Classes = tensors.Extents("fc.weight", 2)[0];
        tensors.Expect("fc.weight", Classes, Features);
        tensors.Expect("fc.bias", Classes);
        tensors.RefuseOthers("the Inception network of FID", name => name.EndsWith(".num_batches_tracked", StringComparison.Ordinal));
        try
        {
            foreach ((string name, FoldedConvolution convolution) in plan)
            {
                (float[] weight, float[] bias) = convolution.Read(tensors);
                weights.Add(name, GeneralWeight.Create(device, convolution.Shape, weight, bias, convolution.Window, arithmetic));
            }

            // The logits of the Inception score are those without the bias; the file's bias is only checked.
            weights.Add("fc", GeneralWeight.Create(device, new Shape(Classes, 1, 1, Features), tensors.Read("fc.weight"), [], Window2d.Point, arithmetic));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Channels of the last block: 2048.</summary>
    public int Features { get; }

    /// <summary>Classes: 1008.</summary>
    public int Classes { get; }

    /// <summary>Whether all numbers of channels are those of the network of 2015.</summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>Records the graph.</summary>
    /// <param name="program">Program that records it.</param>
    /// <param name="x">(N, H, W, 3), H = W = 299 for features that count.</param>
    /// <returns>The output of every layer of the stem and every block by name, in order; pool (N, F), logits without bias (N, classes), spatial features (N, h w 7).</returns>
    public InceptionTensors Record(ComputeProgram program, Tensor x)
    {
        List<(string Name, Tensor Value)> blocks = [];
        foreach ((string name, InceptionStep step) in InceptionTable.Stem)
            blocks.Add((name, x = Apply(program, "", step, x)));
        Tensor? spatial = null;
        foreach (InceptionBlock block in InceptionTable.Blocks)
        {
            using IDisposable scope = program.Layer(block.Name);
            blocks.Add((block.Name, x = Join(program, block, x)));
            if (block.Name == SpatialBlock)
                spatial = Cast.Apply(program, x, DType.Float32, Math.Min(InceptionNetwork.SpatialChannels, Weight($"{SpatialBlock}.branch1x1").Shape.N));
        }

        Tensor pool = GlobalMean.Apply(program, x), rows = pool.Reshape(pool.Shape.N, 1, 1, pool.Shape.C);
        Tensor logits = GeneralConv2d.Apply(program, rows, Weight("fc"));
        return new InceptionTensors(blocks, pool, logits.Reshape(pool.Shape.N, Classes), spatial!.Reshape(pool.Shape.N, spatial.Count / pool.Shape.N));
    }

    /// <summary>Releases the weights.</summary>
    public void Dispose()
    {
        foreach (GeneralWeight weight in weights.Values)
            weight.Dispose();
    }

    private Tensor Apply(ComputeProgram program, string prefix, InceptionStep step, Tensor x) => step switch
    {
        InceptionConv conv => GeneralConv2d.Apply(program, x, Weight(prefix + conv.Name), Activation.Relu),
        InceptionPool pool => Pool2d.Apply(program, x, pool.Kind, pool.Window),
        _ => throw new NotSupportedException($"{step} can only end a branch"),
    };

    /// <summary>Records the branches of a block, each of which writes its channels of the output.</summary>
    private Tensor Join(ComputeProgram program, InceptionBlock block, Tensor x)
    {
        string prefix = block.Name + ".";
        int channels = block.Branches.Sum(branch => Outputs(prefix, branch[^1], x.Shape.C)), first = 0;
        Tensor? y = null;
        foreach (InceptionStep[] branch in block.Branches)
        {
            Tensor h = x;
            foreach (InceptionStep step in branch[..^1])
                h = Apply(program, prefix, step, h);
            foreach (InceptionStep last in branch[^1] is InceptionFork fork ? [fork.First, fork.Second] : (InceptionStep[])[branch[^1]])
            {
                Window2d window = last is InceptionConv conv ? conv.Window : ((InceptionPool)last).Window;
                y ??= program.Allocate(new Shape(h.Shape.N, window.OutputHeight(h.Shape), window.OutputWidth(h.Shape), channels));
                if (last is InceptionConv { Name: var name })
                    GeneralConv2d.Into(program, h, Weight(prefix + name), y, first, Activation.Relu);
                else
                    Pool2d.Into(program, h, ((InceptionPool)last).Kind, window, y, first);
                first += Outputs(prefix, last, h.Shape.C);
            }
        }

        return y!;
    }

    private int Outputs(string prefix, InceptionStep step, int inputs) => step switch
    {
        InceptionConv conv => plan[prefix + conv.Name].Shape.N,
        InceptionFork fork => Outputs(prefix, fork.First, inputs) + Outputs(prefix, fork.Second, inputs),
        _ => inputs,
    };

    private GeneralWeight Weight(string name) => weights[name];

    /// <summary>Follows the channels through the graph and checks every tensor.</summary>
    /// <returns>Channels of the last block.</returns>
    private int Plan(FeatureTensors tensors)
    {
        int channels = ImageResize.Channels;
        foreach ((_, InceptionStep step) in InceptionTable.Stem)
            channels = Plan(tensors, "", step, channels);
        foreach (InceptionBlock block in InceptionTable.Blocks)
        {
            int outputs = 0;
            foreach (InceptionStep[] branch in block.Branches)
                outputs += branch.Aggregate(channels, (inputs, step) => Plan(tensors, block.Name + ".", step, inputs));
            channels = outputs;
        }

        return channels;
    }

    private int Plan(FeatureTensors tensors, string prefix, InceptionStep step, int inputs)
    {
        if (step is InceptionFork fork)
            return Plan(tensors, prefix, fork.First, inputs) + Plan(tensors, prefix, fork.Second, inputs);
        if (step is not InceptionConv conv)
            return inputs;
        string name = prefix + conv.Name;
        int outputs = tensors.Extents($"{name}.conv.weight", 4)[0];
        var folded = new FoldedConvolution(
            $"{name}.conv.weight", conv.Window, outputs, inputs,
            [$"{name}.bn.weight", $"{name}.bn.bias", $"{name}.bn.running_mean", $"{name}.bn.running_var"], Epsilon);
        folded.Check(tensors);
        plan.Add(name, folded);
        IsWhole &= outputs == conv.Channels;
        return outputs;
    }
}

/// <summary>What a recorded Inception gives out.</summary>
/// <param name="Blocks">Outputs of the stem's layers and of the blocks, by name, in order.</param>
/// <param name="Pool">(N, F).</param>
/// <param name="Logits">Logits without bias, (N, classes).</param>
/// <param name="Spatial">(N, h w 7).</param>
internal sealed record InceptionTensors(IReadOnlyList<(string Name, Tensor Value)> Blocks, Tensor Pool, Tensor Logits, Tensor Spatial);
