using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A recorded op with its operands. It runs once as a program for the check; its steps are then launched one by one for the timing.</summary>
public sealed class RecordedKernel : IDisposable
{
    private readonly ComputeProgram program;
    private readonly ProgramStep[] timed;
    private readonly Func<double> error;
    private readonly IDisposable[] operands;

    /// <summary>Takes over a recorded program and compiles it.</summary>
    /// <param name="program">The program, <see cref="ComputeProgram.Checked"/>, so that outputs are NaN until they are written.</param>
    /// <param name="first">Index of the first step that is timed; all later ones are timed too.</param>
    /// <param name="outputs">Transient results that the check reads, whose memory must therefore not be reused.</param>
    /// <param name="error">Computes the relative L2 error of the outputs after a run.</param>
    /// <param name="operands">Released with this object.</param>
    public RecordedKernel(ComputeProgram program, int first, Tensor[] outputs, Func<double> error, params IDisposable[] operands)
    {
        (this.program, this.error, this.operands) = (program, error, operands);
        timed = [.. program.Steps.Skip(first)];
        program.Emit("benchmark.keep", outputs, [], _ => { }, _ => () => { });
        program.Compile();
    }

    /// <summary>The steps that are timed.</summary>
    public IReadOnlyList<ProgramStep> Timed => timed;

    /// <summary>Sets all transient memory to NaN, runs the program once and waits; returns the relative L2 error, NaN if part of an output was not written.</summary>
    public double Check()
    {
        program.Run();
        program.Device.Synchronize();
        return error();
    }

    /// <summary>Launches the timed steps; does not wait.</summary>
    public void Launch()
    {
        foreach (ProgramStep step in timed)
            step.Run();
    }

    /// <summary>Releases the program and the operands.</summary>
    public void Dispose()
    {
        program.Dispose();
        foreach (IDisposable operand in operands)
            operand.Dispose();
    }
}
