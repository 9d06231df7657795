using System.CommandLine;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>host: the convolutions of the cpu device against what its vector units can do.</summary>
internal static class HostCommand
{
    public static Command Create()
    {
        var command = new Command("host", "Convolutions of the cpu device as a share of the FMA peak.");
        command.SetAction(_ =>
        {
            using var cpu = new CpuDevice();
            Console.WriteLine($"cpu: {cpu.Description}");
            HostConvolutions.Run(cpu, Console.Out);
            return 0;
        });
        return command;
    }
}
