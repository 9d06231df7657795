namespace TrigFlowNative.Training;

/// <summary>What is asked for cannot be; the message is one line for who asked, and the exit code is 2.</summary>
public sealed class UsageException(string message) : Exception(message);
