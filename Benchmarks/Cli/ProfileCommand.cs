using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Benchmarks.Suite;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Training;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>
/// profile: checks the chosen cases and launches them between the marks of the profiler interface, so that ncu --profile-from-start off, or
/// nsys profile -c cudaProfilerApi, collects these launches alone.
/// </summary>
internal static class ProfileCommand
{
    private const int WarmUp = 2;

    private static readonly Option<int> Launches = new("--launches") { Description = "Number of launches of each case.", DefaultValueFactory = _ => 1 };
    private static readonly Selection Selection = new();

    public static Command Create()
    {
        var command = new Command("profile", "Launches the chosen cases for a profiler (ncu --profile-from-start off). Each is checked and none is timed.") { Launches };
        Selection.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        int launches = parsed.GetValue(Launches);
        if (launches < 1)
            throw new UsageException("--launches is at least 1");
        SuiteCase[] cases = Selection.Choose(parsed);
        using ComputeDevice device = Selection.Open(parsed);
        bool wrong = false;
        foreach (SuiteCase each in cases)
        {
            (bool right, string remark) = each is WorkCase work ? Profile(work, device, launches) : Profile((KernelCase)each, device, launches);
            wrong |= !right;
            Console.WriteLine($"{each.Name}: {(right ? BenchmarkRow.Right : BenchmarkRow.Wrong)}{remark}");
        }

        return wrong ? Verbs.BadResult : 0;
    }

    private static (bool Right, string Remark) Profile(KernelCase each, ComputeDevice device, int launches)
    {
        using RecordedKernel recorded = each.Record(device);
        double error = recorded.Check();
        Collect(device, launches, _ => recorded.Launch());
        string kernels = KernelUse.Of(device, recorded.Launch) is { } use ? $"; {string.Join(", ", use.Names)}" : "";
        return (error <= each.Tolerance, string.Create(CultureInfo.InvariantCulture, $", error {error:0.0e+0}{kernels}"));
    }

    private static (bool Right, string Remark) Profile(WorkCase each, ComputeDevice device, int launches)
    {
        using PreparedWork work = each.Prepare(device);
        for (int run = 0; run < WarmUp; run++)
            work.Run(run);
        Collect(device, launches, run => work.Run(WarmUp + run));
        string? fault = work.Fault();
        return (fault is null, fault is null ? "" : $", {fault}");
    }

    private static void Collect(ComputeDevice device, int launches, Action<int> launch)
    {
        void LaunchAll()
        {
            for (int i = 0; i < launches; i++)
                launch(i);
        }

        if (device is GpuDevice { IsCuda: true } gpu)
            CudaProfiler.Collect(gpu.DriverStream, LaunchAll);
        else
            LaunchAll();
    }
}
