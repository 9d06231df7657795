namespace TrigFlowNative.Models;

/// <summary>
/// A module of PyTorch in a pickle of whole objects: one that NVIDIA's <c>persistence</c> rebuilds from its source text, which is never looked at, or one of PyTorch's own
/// classes. All that counts is its state: parameters, buffers and modules within it, and the arguments with which it was made.
/// </summary>
/// <param name="ClassName">Name of the class.</param>
/// <param name="State">Its attributes.</param>
/// <param name="IsNvidia">Whether it was pickled by NVIDIA's <c>persistence</c>.</param>
internal sealed record PersistentModule(string ClassName, PickleMap State, bool IsNvidia)
{
    private const string Rebuild = "torch_utils.persistence._reconstruct_persistent_obj";
    private const int MaxDepth = 100, MaxModules = 100_000;

    /// <summary>The module that a value is the record of; null if it is none.</summary>
    public static PersistentModule? Of(PickleValue? value) => value switch
    {
        PickleCall { Callee: Rebuild, Arguments: [PickleMap meta] } when meta.Find("class_name") is PickleText name && meta.Find("state") is PickleMap state => new(name.Value, state, IsNvidia: true),
        PickleCall { State: PickleMap state } call when state.Find("_modules") is not null => new(call.Callee[(call.Callee.LastIndexOf('.') + 1)..], state, IsNvidia: false),
        _ => null,
    };

    /// <summary>An attribute that is a dictionary; an empty one if there is none.</summary>
    public PickleMap MapOf(string attribute) => PickleCall.MapOf(State.Find(attribute)) ?? new PickleMap();

    /// <summary>Positional arguments of the constructor.</summary>
    public IReadOnlyList<PickleValue> Arguments => State.Find("_init_args") is PickleSequence sequence ? sequence.Items : [];

    /// <summary>Named arguments of the constructor.</summary>
    public PickleMap NamedArguments => MapOf("_init_kwargs");

    /// <summary>
    /// All tensors under the names and in the order of the module's state dict: own parameters, own buffers, then those of the modules within. Returns them, and how many
    /// parameters and buffers are something else.
    /// </summary>
    /// <exception cref="Engine.InvalidFileException">Modules lie in each other without end, or one is none.</exception>
    public (IReadOnlyList<(string Name, PickleValue Value)> Tensors, int Skipped) Walk(FileBytes file)
    {
        List<(string Name, PickleValue Value)> tensors = [];
        int skipped = 0, modules = 0;
        Visit(this, "", 0);
        return (tensors, skipped);

        void Visit(PersistentModule module, string prefix, int depth)
        {
            if (depth > MaxDepth || ++modules > MaxModules)
                throw file.Refuse($"has more than {(depth > MaxDepth ? $"{MaxDepth} modules within each other" : $"{MaxModules} modules")}");
            foreach ((string name, PickleValue value) in module.MapOf("_parameters").Texts.Concat(module.MapOf("_buffers").Texts))
            {
                if (tensors.Count == MaxModules)
                    throw file.Refuse($"has more than {MaxModules} tensors");
                if (TorchTensors.Is(value))
                    tensors.Add((prefix + name, value));
                else if (value is not PickleNone)
                    skipped++;
            }

            foreach ((string name, PickleValue value) in module.MapOf("_modules").Texts)
            {
                if (value is PickleNone)
                    continue;
                Visit(Of(value) ?? throw file.Refuse($"has {value.Words} for the module '{prefix}{name}'"), $"{prefix}{name}.", depth + 1);
            }
        }
    }
}
