namespace TrigFlowNative.Engine.Ptx;

/// <summary>A value that another thread makes once while its owner goes on; readers wait for it.</summary>
/// <param name="make">Makes the value; every reader gets the exception that it throws.</param>
internal sealed class Background<T>(Func<T> make)
{
    private readonly Lazy<Task<T>> task = new(() => Task.Run(make));

    /// <summary>The value, after waiting for it.</summary>
    public T Value => task.Value.GetAwaiter().GetResult();

    /// <summary>Gets the value if it is ready. Neither starts nor waits, and throws nothing if making the value failed.</summary>
    public bool TryGet(out T? value)
    {
        bool made = task.IsValueCreated && task.Value.IsCompletedSuccessfully;
        value = made ? task.Value.Result : default;
        return made;
    }

    /// <summary>Starts to make the value, unless it is being made or done already.</summary>
    public void Start() => _ = task.Value;

    /// <summary>Waits until no thread is making the value, whether that succeeded or failed.</summary>
    public void Settle()
    {
        if (task.IsValueCreated)
            ((IAsyncResult)task.Value).AsyncWaitHandle.WaitOne();
    }
}
