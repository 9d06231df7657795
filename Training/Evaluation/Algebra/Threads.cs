namespace TrigFlowNative.Training.Evaluation;

/// <summary>Loops on all cores whose items write to places of their own, so that their order does not matter.</summary>
internal static class Threads
{
    /// <summary>Calls a body for 0 to <paramref name="count"/> - 1.</summary>
    public static void For(int count, Action<int> body)
    {
        if (count == 1)
            body(0);
        else
            Parallel.For(0, count, body);
    }

    /// <summary>The same with something that each worker makes once for itself, such as a buffer.</summary>
    public static void For<T>(int count, Func<T> start, Action<int, T> body)
    {
        if (count == 1)
        {
            body(0, start());
            return;
        }

        Parallel.For(0, count, start, (i, _, local) =>
        {
            body(i, local);
            return local;
        }, static _ => { });
    }
}
