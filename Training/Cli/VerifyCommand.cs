using System.CommandLine;
using System.Globalization;
using TrigFlowNative.Engine;
using TrigFlowNative.Models;
using TrigFlowNative.Training.Evaluation;

namespace TrigFlowNative.Training.Cli;

/// <summary>verify: compares F, its JVP, logvar and all parameter gradients with a fixture of another implementation, in training and in evaluation mode; or what networks of features compute.</summary>
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
        var products = new Option<string?>("--products")
        {
            Description = "For networks of features on a GPU: how products are computed; by default in six products of bf16 parts where there are tensor cores.",
        };
        products.AcceptOnly([.. FeatureOptions.Arithmetics.Keys]);
        var command = new Command("verify", "Compares F, its JVP, logvar and all parameter gradients with a fixture, with forced weights and without if it holds both, or every block and feature of an Inception or DINOv2 fixture, and distances between features; exit code 1 if an error is larger than the precision explains.") { fixture, device, precision, products };
        command.SetAction(parsed => Run(parsed.GetValue(fixture)!, parsed.GetValue(device)!, parsed.GetValue(precision)!, parsed.GetValue(products)));
        return command;
    }

    private static int Run(string path, string deviceName, string precision, string? products)
    {
        using ComputeDevice device = CommandLine.Open(deviceName);
        DType storage = precision == "bf16" ? DType.BFloat16 : DType.Float32;
        if (storage == DType.BFloat16 && device is CpuDevice)
            throw new UsageException("--precision bf16 needs a GPU");
        IReadOnlyList<FixtureError> errors = Check(path, device, storage, products);
        int width = errors.Max(error => error.Name.Length);
        double usual = errors.GroupBy(error => error.Allowed).MaxBy(group => group.Count())!.Key;
        foreach (FixtureError error in errors)
            Console.WriteLine($"{error.Name.PadRight(width)}  {Format(error.RelativeError)}{(error.Passes ? "" : "  FAILS")}{(error.Passes && error.Allowed == usual ? "" : $", {Format(error.Allowed)} allowed")}");
        int failed = errors.Count(error => !error.Passes);
        Console.WriteLine(failed == 0
            ? $"passed on {device.Name} in {precision}: {errors.Count} results, the largest relative L2 error is {Format(errors.Max(error => error.RelativeError))}"
            : $"failed on {device.Name} in {precision}: {failed} of {errors.Count} results are off by more than is allowed");
        return failed == 0 ? 0 : 1;
    }

    private static IReadOnlyList<FixtureError> Check(string path, ComputeDevice device, DType storage, string? products)
    {
        try
        {
            bool ofNetworks = FeatureFixture.Recognises(path), ofDistances = DistanceCheck.IsFixture(path);
            if (!ofNetworks && products is not null)
                throw new UsageException("--products is for fixtures of networks of features");
            if (!ofNetworks && !ofDistances && FeatureNetworkFile.Recognises(path))
                throw new UsageException($"{path}: holds weights of a network of features, and no results to compare with");
            if (!ofNetworks && !ofDistances)
                return FixtureCheck.Run(path, device, storage);
            if (storage != DType.Float32)
                throw new UsageException("--precision: features are computed in fp32, and distances in float64");
            List<FixtureError> errors = [];
            if (ofNetworks)
                errors.AddRange(FeatureFixture.Run(path, device, new FeatureOptions { Arithmetic = products is null ? null : FeatureOptions.Arithmetics[products] }));
            if (ofDistances)
                errors.AddRange(DistanceCheck.Run(path));
            return errors;
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
