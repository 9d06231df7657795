using System.Text;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>Lines of inline PTX, put together one by one.</summary>
internal sealed class PtxLines
{
    private readonly StringBuilder text = new();

    /// <summary>Adds a line, or several.</summary>
    public PtxLines Add(string line)
    {
        if (text.Length > 0)
            text.Append('\n');
        text.Append(line);
        return this;
    }

    /// <inheritdoc/>
    public override string ToString() => text.ToString();
}
