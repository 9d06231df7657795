using System.Numerics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TrigFlowNative.Training.Runs;

/// <summary>Reads numbers of a configuration; one beyond the type's range is refused instead of becoming infinite.</summary>
internal sealed class FiniteNumberConverter<T> : JsonConverter<T>
    where T : struct, IFloatingPointIeee754<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.Number || !reader.TryGetDouble(out double exact))
            throw new JsonException("not a number");

        // A double that is rounded to fp32 may be off by one unit in the last place, so that the text is parsed as the type itself.
        T value = typeof(T) == typeof(float) ? T.CreateTruncating(reader.GetSingle()) : T.CreateTruncating(exact);
        return T.IsFinite(value) ? value : throw new JsonException("beyond the range");
    }

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
    {
        if (value is float single)
            writer.WriteNumberValue(single);
        else
            writer.WriteNumberValue(double.CreateTruncating(value));
    }
}
