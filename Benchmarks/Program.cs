using TrigFlowNative.Benchmarks.Cli;

return Verbs.Run(args);
