using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Kernels;

namespace TrigFlowNative.Benchmarks.Cases;

/// <summary>The cost of a launch: kernels that copy a single number are launched one by one, or by the replay of a program's graph.</summary>
internal sealed class LaunchCase(int kernels, string direction) : WorkCase("launch", direction, $"{kernels} kernels", DType.Float32)
{
    private const string OneByOne = "stream", Replay = "graph";

    public static readonly CaseFamily Kind = new(
        "launch", "COUNT kernels", @"(?<count>\d+) kernels", [OneByOne, Replay], (s, direction, _) => new LaunchCase(s["count"], direction))
    {
        Shapes = scope => scope.Shapes(["10 kernels"], ["1000 kernels"], _ =>
            scope.Preset == SuitePresets.Standard ? ["1 kernels", "10 kernels", "100 kernels", "1000 kernels"] : []),
    };

    internal override WorkPace Pace => WorkPace.Short;

    public override PreparedWork Prepare(ComputeDevice device) => new Prepared(device, kernels, Direction == Replay);

    private sealed class Prepared : PreparedWork
    {
        private const float Value = 3;
        private readonly Tensor source, target;
        private readonly ComputeProgram program;
        private readonly bool replay;

        public Prepared(ComputeDevice device, int kernels, bool replay)
        {
            this.replay = replay;
            source = device.CreateTensor(new Shape(1), [Value]);
            target = device.CreateTensor(new Shape(1));
            program = new ComputeProgram(device);
            for (int i = 0; i < kernels; i++)
                Cast.Into(program, source, target);
            program.Compile();
        }

        public override void Run(int run)
        {
            if (replay)
            {
                program.Run();
                return;
            }

            foreach (ProgramStep step in program.Steps)
                step.Run();
        }

        public override string? Fault() => target.ToArray()[0] == Value ? null : "the number was not copied";

        protected override void Dispose(bool disposing)
        {
            if (!disposing)
                return;
            program.Dispose();
            source.Dispose();
            target.Dispose();
        }
    }
}
