namespace TrigFlowNative.Engine;

/// <summary>A tensor would have more elements than kernels can index; code that knows which setting decides its extents may catch it and say so.</summary>
/// <param name="message">One line with the shape.</param>
public sealed class TensorLimitException(string message) : ArgumentException(message);
