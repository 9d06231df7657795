using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using TrigFlowNative.Training.Objectives;

namespace TrigFlowNative.Training.Runs;

/// <summary>Describes in words which values a key of a configuration takes.</summary>
internal static class ConfigValues
{
    /// <summary>Returns a description such as "adam or r_adam"; null if the key is unknown.</summary>
    /// <param name="path">Dotted path of the key, from the configuration or from the objective's options.</param>
    /// <param name="config">The configuration, which names the objective.</param>
    /// <param name="options">Options of its JSON.</param>
    public static string? Describe(string path, JsonObject config, JsonSerializerOptions options)
    {
        string[] keys = path.Split('.', '[');
        return Describe(Find(typeof(RunConfig), keys, config, options) ?? (ObjectiveOf(config) is { } objective ? Find(objective, keys, config, options) : null), options);
    }

    private static Type? Find(Type type, IEnumerable<string> keys, JsonObject config, JsonSerializerOptions options)
    {
        foreach (string key in keys)
        {
            if (type == typeof(ObjectiveOptions))
                type = ObjectiveOf(config) ?? type;
            JsonTypeInfo info = options.GetTypeInfo(type);
            if (info.Kind != JsonTypeInfoKind.Object)
                return type;
            if (info.Properties.FirstOrDefault(each => each.Name == key) is not { } property)
                return null;
            type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        }

        return type;
    }

    private static Type? ObjectiveOf(JsonObject config)
    {
        try
        {
            return ObjectiveRegistry.TypeOf(config["training"]?["objective"]?[ObjectiveRegistry.NameKey]?.GetValue<string>());
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string? Describe(Type? type, JsonSerializerOptions options) => type switch
    {
        null => null,
        { IsEnum: true } => string.Join(" or ", Enum.GetValuesAsUnderlyingType(type).Cast<object>().Select(each => JsonSerializer.Serialize(Enum.ToObject(type, each), type, options).Trim('"'))),
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(string) => "text",
        _ when type == typeof(ulong) => $"a whole number from 0 to {ulong.MaxValue}",
        _ when type == typeof(long) => $"a whole number up to {long.MaxValue}",
        _ when type == typeof(int) => $"a whole number up to {int.MaxValue}",
        _ when type == typeof(float) || type == typeof(double) => "a finite number",
        _ => null,
    };
}
