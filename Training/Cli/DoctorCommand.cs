using System.CommandLine;
using ILGPU.Runtime.Cuda;
using Spectre.Console;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Engine.Ptx;

namespace TrigFlowNative.Training.Cli;

/// <summary>doctor: lists the devices and, if no GPU works, the reason.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command("doctor", "Lists the devices with driver, memory and tensor-core paths; if no GPU works, says why.");
        command.SetAction(_ =>
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("device", "found").HideHeaders();
            using (var cpu = new CpuDevice())
                table.AddRow("cpu", Markup.Escape(cpu.Description));
            DescribeCuda(table);
            table.AddRow("kernel cache", Markup.Escape(KernelCache.Refusal() is { } refusal ? $"not used: {refusal}" : KernelCache.Folder));
            ComputeDevice chosen = ComputeDevice.Open("auto", out string? reason);
            using (chosen)
                table.AddRow("--device auto", Markup.Escape(chosen.Name + (reason is null ? "" : $": {reason}")));
            AnsiConsole.Write(table);
            return 0;
        });
        return command;
    }

    private static void DescribeCuda(Table table)
    {
        table.AddRow("driver", CudaLibrary.DriverVersion() is { } version ? $"supports CUDA {version}" : "none");
        try
        {
            using GpuDevice gpu = GpuDevice.OpenCuda();
            var cuda = (CudaAccelerator)gpu.Accelerator;
            CudaArchitecture architecture = cuda.Architecture;
            table.AddRow("cuda", Markup.Escape(
                $"{cuda.Name}, sm_{architecture.Major}{architecture.Minor}, {cuda.NumMultiprocessors} multiprocessors, {cuda.MemorySize >> 20} MiB"));
            table.AddRow("tensor cores", gpu.TensorCores == TensorCorePath.Wgmma
                ? "wgmma with bulk tensor copies (sm_90); mma.sync by --tensor-cores mma"
                : "mma.sync");
            table.AddRow("precision", "bf16 unless --precision fp32 is given");
        }
        catch (DeviceUnavailableException e)
        {
            table.AddRow("cuda", Markup.Escape(e.Message));
        }
    }
}
