"""PyTorch's kernels at the shapes of `Benchmarks list`, one CSV row each: op, direction, shape, us, tflops.

cuBLAS, cuDNN (autotuned) and scaled_dot_product_attention in bf16, images channels-last; medians of CUDA-event times, with a
buffer larger than the L2 cache overwritten before each run. The attention tangent is forward-mode autodiff of plain attention,
since the fused kernels have none. Rows for which PyTorch has nothing comparable are left out.

usage: kernels_pytorch.py SHAPES.csv [op ...] > peer.csv      (needs torch with CUDA)
"""
import csv
import math
import re
import statistics
import sys

import torch
import torch.nn.functional as F

torch.backends.cudnn.benchmark = True
BF16 = dict(device="cuda", dtype=torch.bfloat16)
FLUSH_BYTES = 256 << 20
SECONDS, FEWEST, MOST = 0.3, 20, 200


class Clock:
    """Median microseconds of a function, each run with a cold cache."""

    def __init__(self):
        self.flushed = torch.empty(FLUSH_BYTES // 4, dtype=torch.int32, device="cuda")

    def __call__(self, function):
        for _ in range(3):
            function()
        runs = min(MOST, max(FEWEST, int(SECONDS / max(1e-6, statistics.median(self.run(function, 5))))))
        return 1e6 * statistics.median(self.run(function, runs))

    def run(self, function, runs):
        marks = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(runs)]
        for start, end in marks:
            self.flushed.zero_()
            start.record()
            function()
            end.record()
        torch.cuda.synchronize()
        return [1e-3 * start.elapsed_time(end) for start, end in marks]


def gemm(direction, m, n, k):
    x, weight, dy = torch.randn(m, k, **BF16), torch.randn(n, k, **BF16), torch.randn(m, n, **BF16)
    flops = 2 * m * n * k
    return flops, {
        "forward": lambda: x @ weight.t(),
        "input-gradient": lambda: dy @ weight,
        "weight-gradient": lambda: dy.t() @ x,
    }[direction]


def conv(direction, n, c, k, size, _, r):
    def images(channels):
        return torch.randn(n, channels, size, size, **BF16).to(memory_format=torch.channels_last)

    x, dy = images(c), images(k)
    weight = torch.randn(k, c, r, r, **BF16).to(memory_format=torch.channels_last)

    def gradient(mask):
        return torch.ops.aten.convolution_backward(dy, x, weight, None, [1, 1], [r // 2, r // 2], [1, 1], False, [0, 0], 1, mask)

    return 2 * n * size * size * c * k * r * r, {
        "forward": lambda: F.conv2d(x, weight, padding=r // 2),
        "input-gradient": lambda: gradient([True, False, False]),
        "weight-gradient": lambda: gradient([False, True, False]),
    }[direction]


def attention(direction, b, h, l, d):
    query, key, value = (torch.randn(b, h, l, d, **BF16, requires_grad=direction == "backward") for _ in range(3))
    product = 2 * b * h * l * l * d
    if direction == "forward":
        return 2 * product, lambda: F.scaled_dot_product_attention(query, key, value)
    if direction == "backward":
        output = F.scaled_dot_product_attention(query, key, value)
        cotangent = torch.randn_like(output)
        return 5 * product, lambda: torch.autograd.grad(output, (query, key, value), cotangent, retain_graph=True)
    if b * h * l * l >= 2**31:
        return None  # the scores alone would fill the memory

    def plain(q, k, v):
        return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d), -1) @ v

    tangents = tuple(torch.randn_like(query) for _ in range(3))
    return 6 * product, lambda: torch.func.jvp(plain, (query, key, value), tangents)


def optimizer(direction, count):
    parameter = torch.nn.Parameter(torch.randn(count, device="cuda"))
    parameter.grad = torch.randn_like(parameter)
    average = [parameter.detach().clone()]
    adam = torch.optim.Adam([parameter], lr=1e-3, fused=True)

    def update():
        torch.nn.utils.clip_grad_norm_([parameter], 1e9)
        adam.step()
        torch._foreach_lerp_(average, [parameter.detach()], 0.25)

    return 0, update


def copy(direction, count):
    source, target = torch.randn(count, device="cuda"), torch.empty(count, device="cuda")
    return 0, lambda: target.copy_(source)


OPS = dict(gemm=gemm, conv=conv, attention=attention, optimizer=optimizer, copy=copy)


def numbers(op, shape):
    """The extents in a shape's name: '1024x768x256', 'n256 128->256 32x32 k3', 'b16 h16 l4096 d64', 'adam 60000000'."""
    return [int(each) for each in re.findall(r"\d+", shape.replace("fp32", ""))]


def main():
    path, wanted = sys.argv[1], sys.argv[2:] or list(OPS)
    clock = Clock()
    print("op,direction,shape,us,tflops")
    with open(path) as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        op, direction, shape = row["op"], row["direction"], row["shape"]
        if op not in OPS or op not in wanted:
            continue
        try:
            made = OPS[op](direction, *numbers(op, shape))
            if made is None:
                continue
            flops, function = made
            with torch.enable_grad() if direction == "backward" else torch.no_grad():
                microseconds = clock(function)
            print(f"{op},{direction},{shape},{microseconds:.2f},{flops / microseconds / 1e6:.1f}", flush=True)
            del function, made
        except Exception as error:  # a shape that one library refuses must not cost the others
            print(f"{op} {direction} {shape}: {type(error).__name__}: {str(error)[:200]}", file=sys.stderr)
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
