namespace TrigFlowNative.Training;

/// <summary>The request cannot be met. The message is one line for the user, and the exit code is 2.</summary>
public sealed class UsageException(string message) : Exception(message);
