using System.Collections.Immutable;

namespace TrigFlowNative.Models;

/// <summary>
/// Arguments with which a pickled object was made, by name. Asking for one marks it as understood; what nobody asks for in the end is a setting that this program does not
/// know, and would change the network.
/// </summary>
internal sealed class ConstructorArguments
{
    private readonly Dictionary<string, PickleValue> values = new(StringComparer.Ordinal);
    private readonly HashSet<string> asked = new(StringComparer.Ordinal);

    /// <summary>Takes the arguments of a module.</summary>
    /// <param name="module">The module.</param>
    /// <param name="positional">Names of the constructor's parameters in order.</param>
    public ConstructorArguments(PersistentModule module, params ReadOnlySpan<string> positional)
    {
        for (int i = 0; i < module.Arguments.Count; i++)
            values[i < positional.Length ? positional[i] : $"argument {i}"] = module.Arguments[i];
        foreach ((string name, PickleValue value) in module.NamedArguments.Texts)
            values[name] = value;
    }

    /// <summary>The first fault that was found; null for none.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether an argument was given, and is not None.</summary>
    public bool Has(string name) => values.GetValueOrDefault(name) is not (null or PickleNone);

    /// <summary>A whole number.</summary>
    public int Int(string name, int? otherwise = null) => Get(name) switch
    {
        null => otherwise ?? Missing(name, 0),
        PickleInteger { Value: var value } when value >= int.MinValue && value <= int.MaxValue => (int)value,
        var value => Wrong(name, value, 0),
    };

    /// <summary>A real number.</summary>
    public float Real(string name, float otherwise) => Get(name) switch
    {
        null => otherwise,
        PickleReal real => (float)real.Value,
        PickleInteger { Value: var value } when value >= -(1 << 24) && value <= 1 << 24 => (float)value,
        var value => Wrong(name, value, otherwise),
    };

    /// <summary>A word.</summary>
    public string Word(string name, string otherwise) => Get(name) switch
    {
        null => otherwise,
        PickleText text => text.Value,
        var value => Wrong(name, value, otherwise),
    };

    /// <summary>A list of whole numbers.</summary>
    public ImmutableArray<int> Ints(string name, params int[] otherwise) => Get(name) switch
    {
        null => [.. otherwise],
        PickleSequence { Items: { Count: <= 64 } items } value => items.All(item => item is PickleInteger { Value: var number } && number >= 0 && number <= 1 << 20)
            ? [.. items.Select(item => (int)((PickleInteger)item).Value)]
            : Wrong(name, value, ImmutableArray<int>.Empty),
        var value => Wrong(name, value, ImmutableArray<int>.Empty),
    };

    /// <summary>Passes over arguments that change only how a network is trained or stored.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            asked.Add(name);
    }

    /// <summary>Requires that a setting has the only value that this program's network has.</summary>
    public void Require<T>(string name, T value, T expected)
    {
        if (!EqualityComparer<T>.Default.Equals(value, expected))
            Fault ??= FormattableString.Invariant($"its {name} is {value}, but this program's network has {expected}");
    }

    /// <summary>Finds a fault with any argument that nobody has asked for.</summary>
    public void RequireAllKnown()
    {
        if (values.Keys.FirstOrDefault(name => !asked.Contains(name)) is { } unknown)
            Fault ??= $"its argument '{unknown}' is unknown to this program";
    }

    private PickleValue? Get(string name)
    {
        asked.Add(name);
        return values.GetValueOrDefault(name) is { } value and not PickleNone ? value : null;
    }

    private T Missing<T>(string name, T otherwise)
    {
        Fault ??= $"its argument '{name}' is not stored";
        return otherwise;
    }

    private T Wrong<T>(string name, PickleValue value, T otherwise)
    {
        Fault ??= $"its argument '{name}' is {value.Words}";
        return otherwise;
    }
}
