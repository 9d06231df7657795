namespace TrigFlowNative.Models;

/// <summary>Names in pickles of whole objects, as NVIDIA's networks and NumPy's arrays are: any but those by which Python would reach the system or run text.</summary>
internal sealed class ObjectNames : PickleNames
{
    private static readonly HashSet<string> Modules =
    [
        "os", "posix", "nt", "sys", "subprocess", "shutil", "socket", "importlib", "runpy", "ctypes", "pty", "code", "codeop", "commands", "webbrowser", "multiprocessing",
        "asyncio", "threading", "_thread", "signal", "pickle", "_pickle", "marshal", "operator", "_operator", "functools", "_functools", "pip", "platform", "timeit", "pdb", "bdb",
        "cProfile", "profile", "trace", "tempfile", "pathlib", "io", "_io", "urllib", "http", "requests", "ssl", "imp", "types", "inspect", "gc", "atexit", "dill", "cloudpickle",
    ];

    private static readonly HashSet<string> Builtins = ["set", "frozenset", "bytearray", "complex", "slice", "range", "object", "list", "dict", "tuple", "int", "float", "bool", "str", "bytes"];

    private static readonly string[] Running =
    [
        "torch.hub", "torch.load", "torch.serialization", "torch.jit", "torch.package", "torch.utils.cpp_extension", "torch.utils.model_zoo", "torch.distributed", "torch.multiprocessing",
        "numpy.load", "numpy.testing", "numpy.f2py", "numpy.distutils",
    ];

    private ObjectNames()
    {
    }

    /// <summary>The only one.</summary>
    public static ObjectNames Instance { get; } = new();

    public override string? Fault(string module, string name)
    {
        string root = module.Split('.')[0], whole = $"{module}.{name}";
        bool allowed = root is "builtins" or "__builtin__" or "__builtins__"
            ? module == root && Builtins.Contains(name)
            : !Modules.Contains(root) && !Running.Any(prefix => whole == prefix || whole.StartsWith(prefix + ".", StringComparison.Ordinal));
        return allowed ? null : $"names {whole}, which reaches the system or runs code: the file is not what it claims to be";
    }
}
