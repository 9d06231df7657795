namespace TrigFlowNative.Models;

/// <summary>Names, and the records of what Python would do with them.</summary>
internal sealed partial class PickleMachine
{
    private void PushStackName()
    {
        List<PickleValue> pair = PopMany(2);
        if (pair is not [PickleText module, PickleText name])
            throw Refuse($"takes {pair[0].Words} and {pair[1].Words} for a name");
        PushName(module.Value, name.Value);
    }

    private void PushName(string module, string name)
    {
        if (!IsName(module) || !IsName(name))
            throw Refuse($"has the name '{module}.{name}', which is none of Python's");
        if (names.Fault(module, name) is { } fault)
            throw Refuse(fault);
        Take((module.Length + name.Length) * sizeof(char));
        Push(new PickleGlobal($"{module}.{name}"));
    }

    private void PushCall()
    {
        List<PickleValue> pair = PopMany(2);
        if (pair[0] is not PickleGlobal callee)
            throw Refuse($"calls {pair[0].Words}, expected a name");
        if (pair[1] is not PickleSequence { IsTuple: true } arguments)
            throw Refuse($"passes {pair[1].Words}, expected a tuple of arguments");
        PickleCall call = new(callee.Name, arguments);
        Nest(call, arguments);
        Push(call);
    }

    private void SetState()
    {
        PickleValue state = Pop();
        if (Top() is not PickleCall call)
            throw Refuse($"sets the state of {Top().Words}");
        if (call.State is not null)
            throw Refuse($"sets the state of {call.Words} twice");
        Nest(call, state);
        call.State = state;
    }

    private void PushReference()
    {
        PickleReference reference = new(Pop());
        Nest(reference, reference.Id);
        references.Add(reference);
        Push(reference);
    }

    private static bool IsName(string text) => text.Length is > 0 and <= 255 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.');
}
