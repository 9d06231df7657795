using System.Runtime.InteropServices;
using ILGPU.Runtime.Cuda;
using TrigFlowNative.Engine;

namespace TrigFlowNative.Benchmarks.Timing;

/// <summary>Reads the clock, temperature, power, energy and throttling reasons of a GPU through NVIDIA's management library (NVML), where it is installed.</summary>
internal sealed unsafe class GpuMonitor
{
    private const int SmClock = 1, GpuSensor = 0;
    private static readonly string[] Libraries = OperatingSystem.IsWindows() ? ["nvml.dll"] : ["libnvidia-ml.so.1", "libnvidia-ml.so"];

    /// <summary>Bits of nvmlClocksEventReasons that distort a measurement; idling, clocks set by a user and displays do not.</summary>
    private static readonly (ulong Bit, string Reason)[] Reasons =
        [(0x4, "power cap"), (0x8, "hardware slowdown"), (0x20, "software thermal"), (0x40, "hardware thermal"), (0x80, "power brake")];

    private readonly nint device;
    private readonly delegate* unmanaged<nint, int, uint*, int> clock, temperature;
    private readonly delegate* unmanaged<nint, ulong*, int> reasons, energy;
    private readonly delegate* unmanaged<nint, uint*, int> power;

    private GpuMonitor(nint library, nint device)
    {
        this.device = device;
        clock = (delegate* unmanaged<nint, int, uint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetClockInfo");
        temperature = (delegate* unmanaged<nint, int, uint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetTemperature");
        reasons = (delegate* unmanaged<nint, ulong*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetCurrentClocksThrottleReasons");
        power = NativeLibrary.TryGetExport(library, "nvmlDeviceGetPowerUsage", out nint usage) ? (delegate* unmanaged<nint, uint*, int>)usage : null;
        energy = NativeLibrary.TryGetExport(library, "nvmlDeviceGetTotalEnergyConsumption", out nint total) ? (delegate* unmanaged<nint, ulong*, int>)total : null;
    }

    /// <summary>The monitor of a device's card; null where the library is missing or does not find the card.</summary>
    public static GpuMonitor? Of(GpuDevice gpu)
    {
        nint library = 0;
        if (gpu.Accelerator is not CudaAccelerator { Device: CudaDevice card } || !Libraries.Any(name => NativeLibrary.TryLoad(name, out library)))
            return null;
        try
        {
            var start = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "nvmlInit_v2");
            var find = (delegate* unmanaged<byte*, nint*, int>)NativeLibrary.GetExport(library, "nvmlDeviceGetHandleByPciBusId_v2");
            nint handle = 0;
            fixed (byte* place = System.Text.Encoding.ASCII.GetBytes($"{card.PCIDomainId:X8}:{card.PCIBusId:X2}:{card.PCIDeviceId:X2}.0\0"))
                return start() == 0 && find(place, &handle) == 0 ? new GpuMonitor(library, handle) : null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The card's present state; null if a query fails.</summary>
    public GpuState? Sample()
    {
        uint megahertz, degrees;
        ulong bits;
        if (clock(device, SmClock, &megahertz) != 0 || temperature(device, GpuSensor, &degrees) != 0 || reasons(device, &bits) != 0)
            return null;
        uint milliwatts;
        return new GpuState((int)megahertz, (int)degrees, Describe(bits)) { Watts = power is not null && power(device, &milliwatts) == 0 ? milliwatts / 1e3 : null };
    }

    /// <summary>The energy that the card has used since the driver was loaded, in joules; null if it does not count, as before Volta.</summary>
    public double? Joules()
    {
        ulong millijoules;
        return energy is not null && energy(device, &millijoules) == 0 ? millijoules / 1e3 : null;
    }

    /// <summary>The reasons in words, joined by " + "; empty for none.</summary>
    internal static string Describe(ulong bits) => string.Join(" + ", Reasons.Where(each => (bits & each.Bit) != 0).Select(each => each.Reason));
}
