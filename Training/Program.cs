using TrigFlowNative.Training.Cli;

return CommandLine.Run(args);
