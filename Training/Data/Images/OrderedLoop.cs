using System.Runtime.ExceptionServices;

namespace TrigFlowNative.Training.Data;

/// <summary>
/// A loop over images on all cores that fails as a loop on one core would: at the first image that fails. So a damaged data set gives the same
/// message every time, whatever the number of cores.
/// </summary>
internal static class OrderedLoop
{
    /// <summary>Where a loop ended too early, and why.</summary>
    /// <param name="Index">The lowest index that failed; the body has been called, and has returned, for all below it.</param>
    /// <param name="Reason">Its exception.</param>
    internal sealed record Failure(int Index, ExceptionDispatchInfo Reason);

    /// <summary>Calls <paramref name="body"/> for 0 to <paramref name="count"/> - 1 in any order, several at a time.</summary>
    /// <param name="count">Number of calls.</param>
    /// <param name="start">Makes what one worker needs for itself, such as a buffer.</param>
    /// <param name="body">Takes an index and what the worker has.</param>
    /// <param name="end">Called with what a worker has when it has no more work; may be called from several threads at once.</param>
    /// <returns>The failure; null if no call threw.</returns>
    internal static Failure? Try<T>(int count, Func<T> start, Action<int, T> body, Action<T>? end = null)
    {
        Lock gate = new();
        Failure? first = null;
        Parallel.For(0, count, start, (index, loop, local) =>
        {
            try
            {
                body(index, local);
            }
            catch (Exception e)
            {
                lock (gate)
                {
                    if (first is null || index < first.Index)
                        first = new Failure(index, ExceptionDispatchInfo.Capture(e));
                }

                // Unlike Stop, Break goes on with all indices below.
                loop.Break();
            }

            return local;
        }, end ?? (static _ => { }));
        return first;
    }

    /// <summary>As <see cref="Try"/>, but throws the exception of the lowest index that failed.</summary>
    internal static void Run<T>(int count, Func<T> start, Action<int, T> body, Action<T>? end = null) => Try(count, start, body, end)?.Reason.Throw();
}
