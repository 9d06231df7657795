using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Steps;

/// <summary>Named scalars in device memory that depend on the step's number: learning rates, warm-ups, gains of averages. One upload a step.</summary>
internal sealed class StepScalars : IDisposable
{
    /// <summary>Maximum number of scalars. It is fixed, since the tensor is allocated before the scalars are known.</summary>
    private const int Capacity = 64;

    private readonly Tensor values;
    private readonly PinnedUpload upload;
    private readonly Dictionary<string, int> places = [];
    private readonly List<Func<long, double>> functions = [];
    private readonly float[] buffer = new float[Capacity];

    public StepScalars(ComputeDevice device)
    {
        values = device.CreateTensor(new Shape(Capacity));
        upload = new PinnedUpload(values);
    }

    /// <summary>Returns the tensor (1) of a scalar; a new name takes a new place.</summary>
    /// <exception cref="InvalidOperationException">All places are taken.</exception>
    public Tensor Get(string name, Func<long, double> valueAt)
    {
        if (!places.TryGetValue(name, out int place))
        {
            if (functions.Count == Capacity)
                throw new InvalidOperationException($"a step has at most {Capacity} scalars; '{name}' is one too many");
            places[name] = place = functions.Count;
            functions.Add(valueAt);
        }

        return values.Slice(place, new Shape(1));
    }

    /// <summary>Returns the tensor (1) of an objective's scalar, whose name may also be that of a player's own, such as learning_rate.</summary>
    /// <exception cref="InvalidOperationException">All places are taken.</exception>
    public Tensor OfObjective(string name, Func<long, double> valueAt) => Get($"objective:{name}", valueAt);

    /// <summary>Starts to copy the values of a step to the device; does not wait.</summary>
    public void Upload(long step)
    {
        for (int i = 0; i < functions.Count; i++)
            buffer[i] = (float)functions[i](step);
        upload.Write<float>(buffer);
    }

    public void Dispose()
    {
        upload.Dispose();
        values.Dispose();
    }
}
