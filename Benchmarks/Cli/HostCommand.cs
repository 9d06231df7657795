using System.CommandLine;
using TrigFlowNative.Benchmarks.Host;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Cli;

/// <summary>host: times convolutions of the cpu device as a share of its FMA peak.</summary>
internal static class HostCommand
{
    public static Command Create()
    {
        var command = new Command("host", "Times convolutions of the cpu device as a share of its FMA peak.");
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
