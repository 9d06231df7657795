using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>A library of others that does some of the suite's work on the same device.</summary>
internal interface INativePeer : IDisposable
{
    /// <summary>Library and version, as in the rows.</summary>
    string Name { get; }

    /// <summary>Ways to compute a product, which launch on the device's stream and neither allocate nor wait; none where the library has none.</summary>
    /// <param name="product">The case.</param>
    /// <param name="operands">Its operands.</param>
    /// <param name="result">Where the result goes.</param>
    /// <param name="workspace">Room for intermediate results.</param>
    IEnumerable<Action> Ways(ProductCase product, ProductOperands operands, Tensor result, Tensor workspace);

    /// <summary>Storage of the result of a direction.</summary>
    DType ResultOf(ProductCase product);

    /// <summary>Whether the library does such a product at all.</summary>
    bool Does(ProductCase product);
}
