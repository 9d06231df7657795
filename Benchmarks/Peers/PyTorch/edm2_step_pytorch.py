"""PyTorch's time for training steps and two-step sampling of the EDM2 networks, as CSV; step_pytorch.py does the same for cifar10.

A training step holds, in this order: forced weight normalisation, for each micro-batch the teacher's pass (scd; for scd-guided also without label), the tangent by
forward-mode differentiation and the backward pass, then fused Adam and two power-function averages. Sampling ends with the pixels in host memory.
Variants: eager, compile (torch.compile), graphs (sampling with mode="reduce-overhead"). measure_pytorch.py tells how they are timed.

usage: edm2_step_pytorch.py --config JSON [--objective sct|scd|scd-guided|none] [--batch 128] [--micro-batch 0] [--variants eager compile] [--sample 512 1]
       JSON is a network's configuration as weight files hold it
"""
import time

STARTED = time.time()  # before torch is imported, which a user waits for too

import argparse
import copy
import json
import math

import torch
import torch.nn.functional as F

from edm2_unet_pytorch import Edm2, LogVariance, unit_rows
from measure_pytorch import Meter, run_all

try:
    from torch.func import jvp
except ImportError:  # before PyTorch 2.0
    from functorch import jvp

SIGMA_DATA = 0.5
OBJECTIVES = ("sct", "scd", "scd-guided")  # of any other there are no rows
TIMES = (math.atan(80 / SIGMA_DATA), 1.1)
TANGENT_CONSTANT, LARGEST_GUIDANCE = 0.1, 2.0
AVERAGE_SHARES = (1e-3, 5e-4)  # of the new weights in the averages
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True
torch.backends.cudnn.benchmark = True


def consistency_loss(network, log_variance, images, noise, t, labels, teacher, guidance):
    """Algorithm 1 of arXiv:2410.11081 after the warm-up; the target's gradient is stopped."""
    cos, sin = t.cos()[:, None, None, None], t.sin()[:, None, None, None]
    noisy, velocity = cos * images + sin * noise, cos * noise - sin * images
    if teacher is not None:
        with torch.no_grad():
            field = teacher(noisy / SIGMA_DATA, t, labels)
            if guidance is not None:
                free = teacher(noisy / SIGMA_DATA, t, torch.zeros_like(labels))
                field = free + guidance[:, None, None, None] * (field - free)
            velocity = SIGMA_DATA * field
    f, tangent = jvp(
        lambda u, time_: network(u, time_, labels, guidance), (noisy / SIGMA_DATA, t), (cos * sin * velocity / SIGMA_DATA, t.cos() * t.sin()))
    tangent, stopped = tangent.detach(), f.detach()
    g = -cos * cos * (SIGMA_DATA * stopped - velocity) - (cos * sin * noisy + SIGMA_DATA * tangent)
    g = g / (g.flatten(1).norm(dim=1)[:, None, None, None] + TANGENT_CONSTANT)
    variance = log_variance(t)
    return ((f - stopped - g).square().flatten(1).mean(1) / variance.exp() + variance).mean()


@torch.no_grad()
def force(weights):
    for weight in weights:
        weight.copy_(unit_rows(weight))


class Work:
    """The works of one configuration."""

    def __init__(self, meter, config, arguments):
        self.meter, self.config, self.dropout, self.device = meter, config, arguments.dropout, arguments.device
        self.size, self.channels, self.classes = config["img_resolution"], config["img_channels"], config.get("label_dim", 0)

    def network(self, guided=False):
        return Edm2(self.config, guided).to(self.device).to(memory_format=torch.channels_last)

    def noise(self, count):
        return torch.randn(count, self.channels, self.size, self.size, device=self.device).mul_(SIGMA_DATA).contiguous(memory_format=torch.channels_last)

    def labels(self, count):
        return F.one_hot(torch.randint(self.classes, (count,), device=self.device), self.classes).float() if self.classes else None

    @staticmethod
    def for_inference(network):
        network.eval().requires_grad_(False)
        for block in network.blocks():
            block.fused = hasattr(F, "scaled_dot_product_attention")
        return network

    def train(self, objective, variant, batch, micro_batch):
        guided = objective == "scd-guided"
        if guided and not self.classes:
            raise ValueError("guidance needs a network with classes")
        network, log_variance = self.network(guided).train(), LogVariance().to(self.device)
        for block in network.blocks():
            block.dropout = self.dropout
        teacher = None if objective == "sct" else self.for_inference(self.network())
        parameters = [*network.parameters(), *log_variance.parameters()]
        weights = [parameter for parameter in parameters if parameter.dim() > 0]
        fused = {"fused": True} if self.device == "cuda" else {}
        optimizer = torch.optim.Adam(parameters, lr=1e-4, betas=(0.9, 0.99), eps=1e-11, **fused)
        averages = [[parameter.detach().clone() for parameter in parameters] for _ in AVERAGE_SHARES]
        loss_of, force_on = (consistency_loss, force) if variant == "eager" else (torch.compile(consistency_loss), torch.compile(force))
        images, parts = self.noise(micro_batch), batch // micro_batch

        def step():
            force_on(weights)
            optimizer.zero_grad(set_to_none=True)
            for _ in range(parts):
                t = torch.atan(torch.exp(torch.randn(micro_batch, device=self.device) * 1.6 - 1.0) / SIGMA_DATA)
                scale = 1 + (LARGEST_GUIDANCE - 1) * torch.rand(micro_batch, device=self.device) if guided else None
                (loss_of(network, log_variance, images, self.noise(micro_batch), t, self.labels(micro_batch), teacher, scale) / parts).backward()
            optimizer.step()
            for average, share in zip(averages, AVERAGE_SHARES):
                torch._foreach_mul_(average, 1 - share)
                torch._foreach_add_(average, [parameter.detach() for parameter in parameters], alpha=share)

        self.meter.report(f"step {objective}", variant, batch, step)

    def sample(self, variant, count):
        network = self.for_inference(self.network())
        f = network if variant == "eager" else torch.compile(network, mode="reduce-overhead" if variant == "graphs" else "default")

        @torch.no_grad()
        def draw():
            x, labels = self.noise(count), self.labels(count)
            for i, time_ in enumerate(TIMES):
                if i > 0:
                    x = math.cos(time_) * x + math.sin(time_) * self.noise(count)
                x = math.cos(time_) * x - math.sin(time_) * SIGMA_DATA * f(x / SIGMA_DATA, torch.full((count,), time_, device=self.device), labels)
            return x.cpu()

        self.meter.report("sample 2-step", variant, count, draw)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", required=True)
    parser.add_argument("--objective", default="sct")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--micro-batch", type=int, default=0, help="images of a pass, whose gradients a step adds up; 0 for the whole batch")
    parser.add_argument("--dropout", type=float, default=0)
    parser.add_argument("--variants", nargs="*", default=["eager", "compile"])
    parser.add_argument("--sample", nargs="*", type=int, default=[])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    Meter.add_arguments(parser)
    arguments = parser.parse_args()
    micro_batch = arguments.micro_batch or arguments.batch
    if arguments.batch % micro_batch:
        parser.error("--batch is a multiple of --micro-batch")
    torch.manual_seed(0)
    work = Work(Meter.of(STARTED, arguments), json.loads(arguments.config), arguments)
    for variant in arguments.variants:
        trains = arguments.objective in OBJECTIVES and variant != "graphs"
        jobs = [(f"step {arguments.objective}", arguments.batch, lambda: work.train(arguments.objective, variant, arguments.batch, micro_batch))] if trains else []
        run_all(variant, jobs + [("sample 2-step", count, lambda count=count: work.sample(variant, count)) for count in arguments.sample])


if __name__ == "__main__":
    main()
