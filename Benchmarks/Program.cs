// Qualified, since a package below BenchmarkDotNet has a namespace of the name CommandLine.
return TrigFlowNative.Benchmarks.Cli.CommandLine.Run(args);
