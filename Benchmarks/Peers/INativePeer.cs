using TrigFlowNative.Benchmarks.Cases;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Peers;

/// <summary>A vendor's library that computes products on the same device.</summary>
internal interface INativePeer : IDisposable
{
    /// <summary>Name and version, as in rows.</summary>
    string Name { get; }

    /// <summary>Returns the library's algorithms for a product. Each launches on the device's stream, and neither allocates nor waits.</summary>
    /// <param name="product">The product.</param>
    /// <param name="operands">Its operands.</param>
    /// <param name="result">The tensor that receives the result.</param>
    /// <param name="workspace">Memory for intermediate results.</param>
    IEnumerable<Action> Algorithms(ProductCase product, ProductOperands operands, Tensor result, Tensor workspace);

    /// <summary>Storage type of the result.</summary>
    DType ResultType(ProductCase product);

    /// <summary>Whether the library computes products of this family and type.</summary>
    bool Supports(ProductCase product);
}
