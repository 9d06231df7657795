using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace TrigFlowNative.Kernels.Ptx;

/// <summary>
/// Writes the text of a macro of inline PTX (<see cref="Engine.Ptx.PtxSource"/>), an instruction a line. Numbers are formatted invariantly.
/// </summary>
public sealed class PtxText
{
    private readonly StringBuilder text = new();

    /// <summary>Adds a line, or several, for which a raw string is the readable form.</summary>
    public PtxText Add(string lines)
    {
        if (text.Length > 0)
            text.Append('\n');
        text.Append(lines);
        return this;
    }

    /// <inheritdoc cref="Add(string)"/>
    public PtxText Add(ref Lines lines) => Add(lines.ToText());

    /// <summary>The text, lines separated by line feeds, with none at the end.</summary>
    public override string ToString() => text.ToString();

    /// <summary>Formats an interpolated string invariantly.</summary>
    [InterpolatedStringHandler]
    public ref struct Lines
    {
        private DefaultInterpolatedStringHandler handler;

        /// <summary>Called by the compiler.</summary>
        public Lines(int literalLength, int formattedCount) =>
            handler = new DefaultInterpolatedStringHandler(literalLength, formattedCount, CultureInfo.InvariantCulture);

        /// <summary>Called by the compiler.</summary>
        public void AppendLiteral(string value) => handler.AppendLiteral(value);

        /// <summary>Called by the compiler.</summary>
        public void AppendFormatted<T>(T value) => handler.AppendFormatted(value);

        internal string ToText() => handler.ToStringAndClear();
    }
}
