using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;

namespace TrigFlowNative.Training.Cli;

/// <summary>verify: compares F, its JVP, logvar and all parameter gradients with a fixture of another implementation, in training and in evaluation mode.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        Argument<string> fixture = PathOptions.Argument("fixture", "A safetensors file holding weights, inputs and expected results.");
        Option<string> device = CommandLine.DeviceOption();
        var precision = new Option<string>("--precision")
        {
            Description = "Storage type of activations: fp32, or bf16 on a GPU.",
            DefaultValueFactory = _ => "fp32",
        };
        precision.AcceptOnly("fp32", "bf16");
        var command = new Command("verify", "Compares F, its JVP, logvar and all parameter gradients with a fixture, with forced weights and without if it holds both; exit code 1 if an error is larger than the precision explains.") { fixture, device, precision };
        command.SetAction(parsed => Run(parsed.GetValue(fixture)!, parsed.GetValue(device)!, parsed.GetValue(precision)!));
        return command;
    }

    private static int Run(string path, string deviceName, string precision)
    {
        using ComputeDevice device = CommandLine.Open(deviceName);
        DType storage = precision == "bf16" ? DType.BFloat16 : DType.Float32;
        if (storage == DType.BFloat16 && device is CpuDevice)
            throw new UsageException("--precision bf16 needs a GPU");
        IReadOnlyList<FixtureError> errors = Check(path, device, storage);
        int width = errors.Max(error => error.Name.Length);
        foreach (FixtureError error in errors)
            Console.WriteLine($"{error.Name.PadRight(width)}  {Format(error.RelativeError)}{(error.Passes ? "" : $"  FAILS, {Format(error.Allowed)} allowed")}");
        int failed = errors.Count(error => !error.Passes);
        Console.WriteLine(failed == 0
            ? $"passed on {device.Name} in {precision}: {errors.Count} results, the largest relative L2 error is {Format(errors.Max(error => error.RelativeError))}"
            : $"failed on {device.Name} in {precision}: {failed} of {errors.Count} results are off by more than is allowed");
        return failed == 0 ? 0 : 1;
    }

    private static IReadOnlyList<FixtureError> Check(string path, ComputeDevice device, DType storage)
    {
        try
        {
            return DistanceCheck.IsFixture(path) ? DistanceCheck.Run(path) : FixtureCheck.Run(path, device, storage);
        }
        catch (MemoryLimitException e)
        {
            throw new UsageException(e.With($"{path} is too large for this device; a fixture of fewer images needs less").Message);
        }
        catch (ArgumentException e)
        {
            throw new InvalidFileException(path, e.Message, e); // an image, say, of more values than a tensor holds
        }
    }

    private static string Format(double error) => error.ToString("E2", CultureInfo.InvariantCulture);
}
