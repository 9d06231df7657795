using System.CommandLine;
using TrigFlowNative.Engine;
using TrigFlowNative.Engine.Cuda;
using TrigFlowNative.Engine.Ptx;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Runs;

namespace TrigFlowNative.Training.Cli;

/// <summary>The executable's verbs and the exit codes of their failures.</summary>
public static class CommandLine
{
    /// <summary>Exit code for unusable input: a file, an option, a device.</summary>
    public const int BadInput = 2;

    /// <summary>
    /// Runs a command line and returns the exit code: 0; 1 if a training, a verification or the GPU failed; <see cref="BadInput"/>; or 128 and the number of the
    /// signal that stopped it.
    /// </summary>
    public static int Run(string[] arguments)
    {
        SteadyOutput.Install();
        KernelCache.Refused -= SayRefusal;
        KernelCache.Refused += SayRefusal;
        ParseResult parsed = Parse(arguments.Length > 0 ? arguments : ["--help"]);
        if (parsed.Errors.Count > 0)
            return Refuse(ParseErrors.Describe(parsed));
        try
        {
            int code = parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
            if (code == 0 && SteadyOutput.LossReason is { } lost && parsed.CommandResult.Command.Name is not (TrainCommand.Verb or DemoCommand.Verb))
            {
                // What was printed is the result of these verbs; a training leaves its own in files.
                Console.Error.WriteLine($"trigflow: the output could not be written ({lost})");
                return 1;
            }

            return code;
        }
        catch (TrainingFailedException e)
        {
            Console.Error.WriteLine($"trigflow: {e.Message}");
            return 1;
        }
        catch (MemoryLimitException e)
        {
            string advice = parsed.CommandResult.Command.Name == TrainCommand.Verb ? "a smaller --batch, or micro-batches by --set micro_batch=N, need less" : "a smaller --count needs less";
            return Refuse(e.InnerException is MemoryLimitException ? e.Message : e.With(advice).Message); // the inner one has no advice yet
        }
        catch (OutOfMemoryException)
        {
            return Refuse("the host has not enough memory; lower --batch or --count, or take a smaller data set");
        }
        catch (CudaDriverException e)
        {
            // The GPU failed, whatever was asked of it; what was saved stays.
            Console.Error.WriteLine($"trigflow: {e.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
        catch (Exception e) when (e is InvalidFileException or UsageException or DeviceUnavailableException or IOException or UnauthorizedAccessException)
        {
            return Refuse(e.Message);
        }
    }

    /// <summary>All verbs.</summary>
    internal static RootCommand Verbs() => new("Trains, distils and samples TrigFlow consistency models (sCM) with no deep-learning framework.")
    {
        DemoCommand.Create(),
        TrainCommand.Create(),
        PrepareCommand.Create(),
        SampleCommand.Create(),
        DecodeCommand.Create(),
        EvaluateCommand.Create(),
        ReferenceCommand.Create(),
        ReconstructCommand.Create(),
        VerifyCommand.Create(),
        ImportCommand.Create(),
        InfoCommand.Create(),
        DoctorCommand.Create(),
    };

    /// <summary>Parses a command line. A path may begin with @, which the library would otherwise take for a file of further options.</summary>
    internal static ParseResult Parse(params string[] arguments) => Verbs().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });

    /// <summary>Says what is wrong, in one line; a stack trace or a page of help would hide it.</summary>
    private static int Refuse(string reason)
    {
        // The framework's messages may name a parameter of a method behind the reason, and a path may hold a line break.
        int parameter = reason.IndexOf(" (Parameter '", StringComparison.Ordinal);
        string line = string.Concat((parameter < 0 ? reason : reason[..parameter]).Select(c => char.IsControl(c) ? ' ' : c));
        Console.Error.WriteLine($"trigflow: {line}");
        return BadInput;
    }

    /// <summary>The option --device, the same for every verb.</summary>
    internal static Option<string> DeviceOption()
    {
        var option = new Option<string>("--device")
        {
            Description = "auto takes an NVIDIA GPU if one works; otherwise it takes the CPU and says why.",
            DefaultValueFactory = _ => "auto",
        };
        return option.AcceptOnly("auto", "cuda", "cpu", "simulator");
    }

    /// <summary>The option --precision, the same for every verb that runs a network.</summary>
    internal static Option<Precision> PrecisionOption()
    {
        var option = new Option<Precision>("--precision")
        {
            Description = "Storage type of activations; auto takes bf16 on an NVIDIA GPU and fp32 elsewhere.",
            DefaultValueFactory = _ => Precision.Auto,
            CustomParser = result => Enum.Parse<Precision>(result.Tokens[0].Value, ignoreCase: true),
        };
        return option.AcceptOnly(LowerNames<Precision>());
    }

    /// <summary>The option --tensor-cores; null stands for auto.</summary>
    internal static Option<TensorCorePath?> TensorCoresOption()
    {
        const string auto = "auto";
        var option = new Option<TensorCorePath?>("--tensor-cores")
        {
            Description = "Instructions for products of bf16 matrices; auto takes the fastest that the GPU has.",
            CustomParser = result => result.Tokens[0].Value == auto ? null : Enum.Parse<TensorCorePath>(result.Tokens[0].Value, ignoreCase: true),
        };
        return option.AcceptOnly([auto, .. LowerNames<TensorCorePath>()]);
    }

    /// <summary>Opens a device and names it on the error stream, with the reason if auto took the CPU.</summary>
    /// <exception cref="DeviceUnavailableException">The device does not start, or lacks the requested instructions.</exception>
    internal static ComputeDevice Open(string name, TensorCorePath? tensorCores = null)
    {
        ComputeDevice device = ComputeDevice.Open(name, out string? reason);
        try
        {
            if (tensorCores is { } path)
                Gpu(device).TensorCores = path;
        }
        catch
        {
            device.Dispose();
            throw;
        }

        if (reason is not null)
            Console.Error.WriteLine($"device: {device.Name} ({device.Description}); {reason}");
        else
            Console.Error.WriteLine($"device: {device.Name} ({device.Description})");
        return device;
    }

    private static void SayRefusal(string refusal) => Console.Error.WriteLine($"trigflow: {refusal}");

    private static GpuDevice Gpu(ComputeDevice device) =>
        device as GpuDevice ?? throw new DeviceUnavailableException($"--tensor-cores needs a GPU, but the device is {device.Name}");

    private static string[] LowerNames<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(name => name.ToLowerInvariant())];
}
