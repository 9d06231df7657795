using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;

namespace TrigFlowNative.Training.Cli;

/// <summary>verify: F, its JVP and all parameter gradients against a fixture of another implementation.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var fixture = new Argument<string>("fixture") { Description = "A safetensors file holding weights, inputs and expected results." };
        Option<string> device = CommandLine.DeviceOption();
        var command = new Command("verify", "Computes F, its JVP and all parameter gradients of a fixture; exit code 1 if one is off by more than 1e-4.") { fixture, device };
        command.SetAction(parsed => Run(parsed.GetValue(fixture)!, parsed.GetValue(device)!));
        return command;
    }

    private static int Run(string path, string deviceName)
    {
        using ComputeDevice device = CommandLine.Open(deviceName);
        IReadOnlyList<FixtureError> errors = FixtureCheck.Run(path, device);
        int width = errors.Max(error => error.Name.Length);
        foreach (FixtureError error in errors)
            Console.WriteLine($"{error.Name.PadRight(width)}  {Format(error.RelativeError)}{(error.Passes ? "" : "  FAILS")}");
        int failed = errors.Count(error => !error.Passes);
        Console.WriteLine(failed == 0
            ? $"passed on {device.Name}: {errors.Count} results, the largest relative L2 error is {Format(errors.Max(error => error.RelativeError))}"
            : $"failed on {device.Name}: {failed} of {errors.Count} results are off by more than {Format(FixtureCheck.Tolerance)}");
        return failed == 0 ? 0 : 1;
    }

    private static string Format(double error) => error.ToString("E2", CultureInfo.InvariantCulture);
}
