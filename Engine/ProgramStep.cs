namespace TrigFlowNative.Engine;

/// <summary>One launch or host loop of a program, with the tensors that it reads and writes.</summary>
public sealed class ProgramStep
{
    private readonly Action run;

    internal ProgramStep(int index, string op, string layer, Tensor[] reads, Tensor[] writes, Action run)
    {
        Index = index;
        Op = op;
        Layer = layer;
        Reads = reads;
        Writes = writes;
        this.run = run;
        Declared = [.. reads.Concat(writes).SelectMany(tensor => tensor.Parts)];
    }

    /// <summary>Position in the program, from 0.</summary>
    public int Index { get; }

    /// <summary>Op and direction, such as conv2d.forward.</summary>
    public string Op { get; }

    /// <summary>Layer that emitted the step, such as enc.32x32_block0.conv0; empty outside of any layer.</summary>
    public string Layer { get; }

    /// <summary>Tensors that the step reads.</summary>
    public IReadOnlyList<Tensor> Reads { get; }

    /// <summary>Tensors that the step writes.</summary>
    public IReadOnlyList<Tensor> Writes { get; }

    internal HashSet<StoragePart> Declared { get; }

    /// <summary>Runs the host loop or launches the kernels.</summary>
    public void Run() => run();

    /// <summary>Prints op, layer and index.</summary>
    public override string ToString() => Layer.Length == 0 ? $"{Op} (step {Index})" : $"{Op} in {Layer} (step {Index})";
}
