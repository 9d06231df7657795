using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Suite;

/// <summary>A recorded op with its operands: run whole once to be checked, then step by step to be timed.</summary>
public sealed class RecordedKernel : IDisposable
{
    private readonly ComputeProgram program;
    private readonly ProgramStep[] timed;
    private readonly Func<double> error;
    private readonly IDisposable[] operands;

    /// <param name="program">Holds the op; <see cref="ComputeProgram.Checked"/>, so that its outputs are NaN before they are written.</param>
    /// <param name="first">The first of the steps to be timed; all after it are too.</param>
    /// <param name="outputs">Transient results, kept until the end of the program for the check to read.</param>
    /// <param name="error">Relative L2 error of what a run has left in the outputs.</param>
    /// <param name="operands">Released with the kernel.</param>
    public RecordedKernel(ComputeProgram program, int first, Tensor[] outputs, Func<double> error, params IDisposable[] operands)
    {
        (this.program, this.error, this.operands) = (program, error, operands);
        timed = [.. program.Steps.Skip(first)];
        program.Emit("benchmark.keep", outputs, [], _ => { }, _ => () => { });
        program.Compile();
    }

    /// <summary>The steps that are timed.</summary>
    public IReadOnlyList<ProgramStep> Timed => timed;

    /// <summary>Runs everything once, poisoned; returns the relative L2 error, NaN where an output was not written.</summary>
    public double Check()
    {
        program.Run();
        program.Device.Synchronize();
        return error();
    }

    /// <summary>Launches the op alone.</summary>
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
