namespace TrigFlowNative.Engine.Ptx;

/// <summary>A value that is made on another thread, once, while its owner goes on; whoever needs it waits for it.</summary>
/// <param name="make">Makes the value; what it throws, every reader gets.</param>
internal sealed class Background<T>(Func<T> make)
{
    private readonly Lazy<Task<T>> task = new(() => Task.Run(make));

    /// <summary>The value, waited for.</summary>
    public T Value => task.Value.GetAwaiter().GetResult();

    /// <summary>Whether the value has been made by now; neither begins nor waits, and throws nothing where it could not be made.</summary>
    public bool TryGet(out T? value)
    {
        bool made = task.IsValueCreated && task.Value.IsCompletedSuccessfully;
        value = made ? task.Value.Result : default;
        return made;
    }

    /// <summary>Begins, if that has not been done.</summary>
    public void Start() => _ = task.Value;

    /// <summary>Waits until nothing is at work any more, whatever came of it.</summary>
    public void Settle()
    {
        if (task.IsValueCreated)
            ((IAsyncResult)task.Value).AsyncWaitHandle.WaitOne();
    }
}
