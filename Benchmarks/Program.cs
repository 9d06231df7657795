using TrigFlowNative.Benchmarks;
using TrigFlowNative.Engine;

using var cpu = new CpuDevice();
Console.WriteLine($"cpu: {cpu.Description}");
HostConvolutions.Run(cpu, Console.Out);
return 0;
