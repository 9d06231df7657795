"""How the scripts for steps and sampling time a function and print its row: in a burst, and under sustained load with the card's energy.

A card reaches its power cap after seconds of load. So a function is timed twice: a few runs, each waited for; then, after warm_seconds of load, for at
least sustain_seconds without waiting between runs, while NVML gives the clock and the energy. NVML is called through ctypes, so that no package is needed.
"""
import ctypes
import os
import statistics
import sys
import threading
import time

import torch

HEADER = "work,variant,batch,ms,images_per_second,peak_gib,ready_s,sustained_ms,sustained_images_per_second,sustained_sm_mhz,sustained_watts,joules_per_image,note"
WARM_UP = 3
SAMPLE_SECONDS = 0.1
SM_CLOCK = 1
LIBRARIES = ("libnvidia-ml.so.1", "libnvidia-ml.so", "nvml.dll")


class Card:
    """The clock, power and energy of the CUDA device 0; None for each that NVML does not tell."""

    def __init__(self):
        self.library = self.handle = None
        if not torch.cuda.is_available():
            return
        for name in LIBRARIES:
            try:
                self.library = ctypes.CDLL(name)
                break
            except OSError:
                pass
        if self.library is None or self.library.nvmlInit_v2() != 0:
            return
        handle = ctypes.c_void_p()
        try:
            found = self.library.nvmlDeviceGetHandleByPciBusId_v2(self.bus_id(), ctypes.byref(handle)) == 0
        except OSError:  # the driver has another name on this system
            return
        self.handle = handle if found else None

    @staticmethod
    def bus_id():
        """The place of the card, since NVML's numbers are not CUDA's."""
        driver, device, place = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.create_string_buffer(32)
        driver.cuInit(0)
        driver.cuDeviceGet(ctypes.byref(device), 0)
        driver.cuDeviceGetPCIBusId(place, len(place), device)
        return place.value

    def read(self, function, *arguments, kind=ctypes.c_uint):
        value, query = kind(), getattr(self.library, function, None)  # an old driver lacks some
        if self.handle is None or query is None or query(self.handle, *arguments, ctypes.byref(value)) != 0:
            return None
        return value.value

    def joules(self):
        millijoules = self.read("nvmlDeviceGetTotalEnergyConsumption", kind=ctypes.c_ulonglong)
        return None if millijoules is None else millijoules / 1e3

    def megahertz(self):
        return self.read("nvmlDeviceGetClockInfo", SM_CLOCK)

    def watts(self):
        milliwatts = self.read("nvmlDeviceGetPowerUsage")
        return None if milliwatts is None else milliwatts / 1e3


def mean(values):
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


class LoadLog:
    """The mean clock and the energy between entering and leaving."""

    def __init__(self, card):
        self.card, self.samples, self.done = card, [], threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while True:
            self.samples.append((self.card.megahertz(), self.card.watts()))
            if self.done.wait(SAMPLE_SECONDS):
                return

    def __enter__(self):
        self.begun, self.start = self.card.joules(), time.perf_counter()
        self.thread.start()
        return self

    def __exit__(self, *_):
        end, self.seconds = self.card.joules(), time.perf_counter() - self.start
        self.done.set()
        self.thread.join()
        self.megahertz, sampled = (mean(part) for part in zip(*self.samples))
        counted = None if end is None or self.begun is None or end <= self.begun else end - self.begun
        self.watts = sampled if counted is None else counted / self.seconds
        self.joules = None if self.watts is None else self.watts * self.seconds


def synchronize():
    if torch.cuda.is_available():
        torch.cuda.synchronize()


class Meter:
    """Times functions and prints a row for each; started is the time at which the process began."""

    def __init__(self, started, runs, warm_seconds, sustain_seconds, hold=None):
        self.card, self.started, self.hold = Card(), started, hold
        self.runs, self.warm_seconds, self.sustain_seconds = runs, warm_seconds, sustain_seconds

    @staticmethod
    def add_arguments(parser):
        parser.add_argument("--steps", type=int, default=10, help="timed runs of a burst")
        parser.add_argument("--warm-seconds", type=float, default=20, help="load before the sustained timing")
        parser.add_argument("--sustain-seconds", type=float, default=10, help="least length of the sustained timing; 0 for none")
        parser.add_argument("--hold", help="a file that ends a wait between the first runs, which compile, and the timed ones: scripts side by side can so be timed alone")

    @classmethod
    def of(cls, started, arguments):
        print(HEADER)
        return cls(started, arguments.steps, arguments.warm_seconds, arguments.sustain_seconds, arguments.hold)

    def report(self, work, variant, images, function):
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        began = time.time()
        function()
        synchronize()
        ready = time.time() - (began if self.started is None else self.started)
        self.started = None  # later functions do not wait for the start of the process
        for _ in range(WARM_UP):
            function()
        synchronize()
        if self.hold:
            print(f"{work} {variant}: ready, waits for {self.hold}", file=sys.stderr, flush=True)
            while not os.path.exists(self.hold):
                time.sleep(SAMPLE_SECONDS)
        seconds = []
        for _ in range(self.runs):
            start = time.perf_counter()
            function()
            synchronize()
            seconds.append(time.perf_counter() - start)
        median = statistics.median(seconds)
        peak = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else 0
        self.row(work, variant, images, f"{1e3 * median:.3f}", f"{images / median:.1f}", f"{peak:.3f}", f"{ready:.2f}", *self.sustained(images, function))

    @staticmethod
    def row(work, variant, images, *fields, note=""):
        """Prints a row; fields that are not given stay empty."""
        blank = [""] * (len(HEADER.split(",")) - 4 - len(fields))
        print(",".join(str(field) for field in [work, f"pytorch-{variant}", images, *fields, *blank, note]), flush=True)

    def sustained(self, images, function):
        """The row's fields of the sustained load, empty where unknown."""
        if self.sustain_seconds <= 0:
            return [""] * 5
        repeat(function, self.warm_seconds)
        synchronize()
        with LoadLog(self.card) as log:
            runs = repeat(function, self.sustain_seconds)
            synchronize()
        second = log.seconds / runs
        known = lambda value, form: "" if value is None else format(value, form)
        return [
            f"{1e3 * second:.3f}", f"{images / second:.1f}", known(log.megahertz, ".1f"), known(log.watts, ".1f"),
            known(None if log.joules is None else log.joules / runs / images, ".4f"),
        ]


def repeat(function, seconds):
    """Runs a function until the time has passed, at least once, without waiting for the device; returns how often."""
    start, runs = time.perf_counter(), 0
    while True:
        function()
        runs += 1
        if time.perf_counter() - start >= seconds:
            return runs


def run_all(variant, jobs):
    """Runs jobs, each a work, its images and a function; one that runs out of memory becomes a row that says so and must not cost the others."""
    for work, images, job in jobs:
        try:
            job()
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error)[:200].split())}".replace(",", ";").replace('"', "'")
            Meter.row(work, variant, images, note=reason)
            print(f"{variant}: {reason}", file=sys.stderr)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
