namespace TrigFlowNative.Models;

/// <summary>Stack, marks and memo, and the containers that are made of what lies on the stack.</summary>
internal sealed partial class PickleMachine
{
    private void Push(PickleValue value)
    {
        Take(ValueBytes + PlaceBytes);
        stack.Add(value);
    }

    private PickleValue Pop() => PopMany(1)[0];

    /// <summary>The value on top, which stays. A value below the last mark can't be reached, as in Python.</summary>
    private PickleValue Top() => stack.Count > Floor ? stack[^1] : throw Refuse("finds nothing on the stack");

    private List<PickleValue> PopMany(int count)
    {
        if (stack.Count - count < Floor)
            throw Refuse($"needs {count} {(count == 1 ? "value" : "values")}, but the stack has {stack.Count - Floor}");
        return PopFrom(stack.Count - count);
    }

    private void Mark()
    {
        if (marks.Count == limits.Depth)
            throw Refuse($"is within {limits.Depth} others");
        marks.Add(stack.Count);
    }

    private List<PickleValue> PopToMark()
    {
        if (marks.Count == 0)
            throw Refuse("finds no mark on the stack");
        int from = marks[^1];
        marks.RemoveAt(marks.Count - 1);
        return PopFrom(from);
    }

    private List<PickleValue> PopFrom(int index)
    {
        List<PickleValue> values = stack.GetRange(index, stack.Count - index);
        stack.RemoveRange(index, stack.Count - index);
        return values;
    }

    private void Remember(long index)
    {
        Take(MemoBytes);
        memo[index] = Top();
    }

    private void Recall(long index)
    {
        Take(PlaceBytes);
        stack.Add(memo.TryGetValue(index, out PickleValue? value) ? value : throw Refuse($"asks for number {index} of the memo, which was never set"));
    }

    private void PushText(ulong length)
    {
        if (length > (ulong)limits.TextBytes)
            throw Refuse($"has a string of {length} bytes, at most {limits.TextBytes} are accepted");
        Take((long)length * sizeof(char));
        Push(new PickleText(input.ReadText((int)length)));
    }

    private void PushSequence(bool isTuple, List<PickleValue> items)
    {
        PickleSequence sequence = new(isTuple, items);
        foreach (PickleValue item in items)
            Nest(sequence, item);
        Push(sequence);
    }

    private void AppendAll(List<PickleValue> items)
    {
        PickleValue owner = Top();
        PickleSequence list = owner switch
        {
            PickleSequence { IsTuple: false } own => own,
            PickleCall call => call.Items ??= new PickleSequence(isTuple: false, []),
            _ => throw Refuse($"appends to {owner.Words}"),
        };
        foreach (PickleValue item in items)
        {
            Take(PlaceBytes);
            Nest(owner, item);
            list.Items.Add(item);
        }
    }

    private void SetAll(List<PickleValue> items)
    {
        PickleValue owner = Top();
        PickleMap map = owner switch
        {
            PickleMap own => own,
            PickleCall call => call.Map ??= new PickleMap(),
            _ => throw Refuse($"sets entries of {owner.Words}"),
        };
        if (items.Count % 2 != 0)
            throw Refuse("has a key without a value");
        for (int i = 0; i < items.Count; i += 2)
        {
            Take(4 * PlaceBytes);
            Nest(owner, items[i]);
            Nest(owner, items[i + 1]);
            if (items[i] is PickleMap or PickleSequence { IsTuple: false })
                throw Refuse($"has {items[i].Words} as a key");
            if (!map.TryAdd(items[i], items[i + 1]))
                throw Refuse($"sets {items[i].Words} twice");
        }
    }

    /// <summary>Counts how deeply containers lie within each other. One that is changed later may make those around it deeper than they know, so readers count too.</summary>
    private void Nest(PickleValue owner, PickleValue item)
    {
        if (item.Depth >= owner.Depth)
            owner.Depth = item.Depth + 1;
        if (owner.Depth > limits.Depth)
            throw Refuse($"puts more than {limits.Depth} containers into each other");
    }

    private void Take(long bytes)
    {
        memory += bytes;
        if (memory > limits.Memory)
            throw Refuse($"makes values of more than {limits.Memory >> 20} MiB");
    }
}
