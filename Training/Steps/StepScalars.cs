using TrigFlowNative.Engine;

namespace TrigFlowNative.Training.Steps;

/// <summary>Numbers in device memory that follow the step's number, by name: learning rates, warm-ups, gains of averages. One copy a step brings all.</summary>
internal sealed class StepScalars : IDisposable
{
    /// <summary>The most that a step can have; the tensor is allocated before they are known.</summary>
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

    /// <summary>The place (1) of a number; a new name takes a new place.</summary>
    /// <exception cref="InvalidOperationException">All places are taken.</exception>
    public Tensor Get(string name, Func<long, double> valueAt)
    {
        if (!places.TryGetValue(name, out int place))
        {
            if (functions.Count == Capacity)
                throw new InvalidOperationException($"a step has more than {Capacity} scalars: {name}");
            places[name] = place = functions.Count;
            functions.Add(valueAt);
        }

        return values.Slice(place, new Shape(1));
    }

    /// <summary>Brings the values of a step to the device; does not wait.</summary>
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
