using System.CommandLine;
using TrigFlowNative.Engine;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>The executable's verbs and how their failures end.</summary>
public static class CommandLine
{
    /// <summary>Exit code for input from outside that cannot be used: a file, an option, a device.</summary>
    public const int BadInput = 2;

    /// <summary>Runs a command line; returns the exit code.</summary>
    public static int Run(string[] arguments)
    {
        var root = new RootCommand("Trains, distils and samples TrigFlow consistency models (sCM) with no deep-learning framework.")
        {
            DemoCommand.Create(),
            TrainCommand.Create(),
            SampleCommand.Create(),
            EvaluateCommand.Create(),
            VerifyCommand.Create(),
            DoctorCommand.Create(),
        };
        ParseResult parsed = root.Parse(arguments);
        try
        {
            int code = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
            return parsed.Errors.Count > 0 ? BadInput : code;
        }
        catch (TrainingFailedException e)
        {
            Console.Error.WriteLine($"trigflow: {e.Message}");
            return 1;
        }
        catch (Exception e) when (e is InvalidFileException or UsageException or DeviceUnavailableException or IOException or UnauthorizedAccessException)
        {
            // One line that names what is wrong; a stack trace would hide it.
            Console.Error.WriteLine($"trigflow: {e.Message}");
            return BadInput;
        }
    }

    /// <summary>The option --device, the same for every verb.</summary>
    internal static Option<string> DeviceOption()
    {
        var option = new Option<string>("--device")
        {
            Description = "auto takes an NVIDIA GPU if one works and says why not otherwise.",
            DefaultValueFactory = _ => "auto",
        };
        option.AcceptOnlyFromAmong("auto", "cuda", "cpu", "simulator");
        return option;
    }

    /// <summary>Opens a device and says on the error stream which one auto took.</summary>
    internal static ComputeDevice Open(string name)
    {
        ComputeDevice device = ComputeDevice.Open(name, out string? reason);
        if (reason is not null)
            Console.Error.WriteLine($"device: {device.Name} ({device.Description}); {reason}");
        else
            Console.Error.WriteLine($"device: {device.Name} ({device.Description})");
        return device;
    }
}
