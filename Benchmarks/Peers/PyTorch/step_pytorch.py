"""PyTorch's time for what the cases step/* and sample/* do, as CSV.

A full step of continuous-time consistency training (sct) or distillation (scd): tangent by torch.func.jvp, backward pass, fused
Adam, moving average; and two-step sampling. bf16 autocast, channels-last. Variants: eager, compile (torch.compile), graphs
(sampling with mode="reduce-overhead"). ready_s is the time from the start of the process to the end of the first run. measure_pytorch.py tells how they are timed.

usage: step_pytorch.py [--objective sct|scd] [--batch 256] [--variants eager compile] [--sample 512 1] [--steps 10] [--warm-seconds 20] [--sustain-seconds 10]
"""
import time

STARTED = time.time()  # before torch is imported, which a user waits for too

import argparse
import copy
import math

import torch
import torch.nn as nn

from measure_pytorch import Meter, run_all
from unet_pytorch import UNet

SIGMA_DATA = 0.5
OBJECTIVES = ("sct", "scd")  # of any other there are no rows
TIMES = (math.atan(80 / SIGMA_DATA), 1.1)
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True


class AdaptiveWeight(nn.Module):
    """ln of the loss's weight as a linear function of Fourier features of t."""

    def __init__(self, features=128):
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.register_buffer("frequencies", torch.randn(features))
        self.register_buffer("phases", torch.rand(features))

    def forward(self, t):
        return self.linear(torch.cos(2 * math.pi * (t[:, None] * self.frequencies + self.phases)))[:, 0]


def consistency_loss(network, weighting, images, noise, t, warm_up, teacher=None):
    """Algorithm 1 of arXiv:2410.11081; the target's gradient is stopped."""
    cos, sin = t.cos()[:, None, None, None], t.sin()[:, None, None, None]
    noisy, velocity = cos * images + sin * noise, cos * noise - sin * images
    with torch.autocast("cuda", dtype=torch.bfloat16):
        if teacher is not None:
            with torch.no_grad():
                velocity = SIGMA_DATA * teacher(noisy / SIGMA_DATA, t).float()
        f, tangent = torch.func.jvp(
            lambda u, time_: network(u, time_), (noisy / SIGMA_DATA, t), (cos * sin * velocity / SIGMA_DATA, t.cos() * t.sin()))
    f, tangent, stopped = f.float(), tangent.float().detach(), f.float().detach()
    g = -cos * cos * (SIGMA_DATA * stopped - velocity) - warm_up * (cos * sin * noisy + SIGMA_DATA * tangent)
    g = g / (g.flatten(1).norm(dim=1)[:, None, None, None] / math.sqrt(g[0].numel()) + 0.1)
    error = (f - stopped - g).square().flatten(1).mean(1)
    weight = weighting(t)
    return (weight.exp() * error - weight).mean()


def random_images(count):
    return (torch.randn(count, 3, 32, 32, device="cuda") * SIGMA_DATA).contiguous(memory_format=torch.channels_last)


def train(meter, network, objective, variant, batch):
    weighting = AdaptiveWeight().cuda()
    teacher = copy.deepcopy(network).eval().requires_grad_(False) if objective == "scd" else None
    parameters = [*network.parameters(), *weighting.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-4, betas=(0.9, 0.99), fused=True)
    average = [parameter.detach().clone() for parameter in network.parameters()]
    images = random_images(batch)
    loss_of = consistency_loss if variant == "eager" else torch.compile(consistency_loss)

    def step():
        t = torch.atan(torch.exp(torch.randn(batch, device="cuda") * 1.4 - 1.0) / SIGMA_DATA)
        loss = loss_of(network, weighting, images, torch.randn_like(images) * SIGMA_DATA, t, 1.0, teacher)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        torch._foreach_lerp_(average, list(network.parameters()), 1e-3)

    meter.report(f"step {objective}", variant, batch, step)


def sample(meter, network, variant, count):
    f = network if variant == "eager" else torch.compile(network, mode="reduce-overhead" if variant == "graphs" else "default")

    @torch.no_grad()
    def draw():
        x = random_images(count)
        for i, time_ in enumerate(TIMES):
            t = torch.full((count,), time_, device="cuda")
            if i > 0:
                x = math.cos(time_) * x + math.sin(time_) * random_images(count)
            with torch.autocast("cuda", dtype=torch.bfloat16):
                output = f(x / SIGMA_DATA, t)
            x = math.cos(time_) * x - math.sin(time_) * SIGMA_DATA * output.float()
        return x.cpu()

    meter.report("sample 2-step", variant, count, draw)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--objective", default="sct")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--variants", nargs="*", default=["eager", "compile"])
    parser.add_argument("--sample", nargs="*", type=int, default=[])
    Meter.add_arguments(parser)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    network = UNet().cuda().to(memory_format=torch.channels_last)
    meter = Meter.of(STARTED, arguments)
    for variant in arguments.variants:
        trains = arguments.objective in OBJECTIVES and variant != "graphs"
        jobs = [(f"step {arguments.objective}", arguments.batch, lambda: train(meter, network, arguments.objective, variant, arguments.batch))] if trains else []
        run_all(variant, jobs + [("sample 2-step", count, lambda count=count: sample(meter, network, variant, count)) for count in arguments.sample])


if __name__ == "__main__":
    main()
