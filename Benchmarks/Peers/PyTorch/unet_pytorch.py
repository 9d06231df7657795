"""The cifar10 network of this project in PyTorch: DDPM++ with adaptive double normalisation, written as one would for speed.

Group normalisation is spelled out, since torch.func.jvp has no rule for the fused one; everything else is PyTorch's own.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

HALF_ROOT = math.sqrt(0.5)


def pixel_norm(x):
    return x * torch.rsqrt(x.float().square().mean(-1, keepdim=True) + 1e-8).to(x.dtype)


class Norm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.groups = min(32, channels // 4)
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        groups = x.float().reshape(x.shape[0], self.groups, -1)
        centred = groups - groups.mean(-1, keepdim=True)
        normal = centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-6)
        return (normal.reshape(x.shape) * self.weight[:, None, None] + self.bias[:, None, None]).to(x.dtype)


class Block(nn.Module):
    def __init__(self, inputs, outputs, embedding, resample=None, attention=False):
        super().__init__()
        self.resample, self.attention = resample, attention
        self.norm0, self.conv0 = Norm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.affine = nn.Linear(embedding, 2 * outputs)
        self.norm1, self.conv1 = Norm(outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs or resample else None
        if attention:
            self.norm2, self.qkv, self.proj = Norm(outputs), nn.Conv2d(outputs, 3 * outputs, 1), nn.Conv2d(outputs, outputs, 1)

    def change_size(self, x):
        if self.resample == "up":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        return F.avg_pool2d(x, 2) if self.resample == "down" else x

    def forward(self, x, embedding):
        h = self.conv0(self.change_size(F.silu(self.norm0(x))))
        scale, shift = (pixel_norm(part)[:, :, None, None].to(h.dtype) for part in self.affine(embedding).chunk(2, 1))
        h = self.conv1(F.silu(self.norm1(h) * scale + shift))
        x = self.change_size(x)
        x = (h + (x if self.skip is None else self.skip(x))) * HALF_ROOT
        return (self.proj(self.attend(self.qkv(self.norm2(x)))) + x) * HALF_ROOT if self.attention else x

    @staticmethod
    def attend(qkv):
        n, channels, height, width = qkv.shape
        query, key, value = qkv.reshape(n, 3, channels // 3, height * width).unbind(1)
        scores = torch.einsum("ncq,nck->nqk", query, key) / math.sqrt(channels // 3)
        weights = torch.softmax(scores.float(), -1).to(value.dtype)
        return torch.einsum("nqk,nck->ncq", weights, value).reshape(n, channels // 3, height, width)


class UNet(nn.Module):
    def __init__(self, size=32, channels=128, multipliers=(2, 2, 2), blocks=4, attention=(16,), image_channels=3):
        super().__init__()
        embedding = 4 * channels
        self.channels = channels
        self.map0, self.map1 = nn.Linear(channels, embedding), nn.Linear(embedding, embedding)
        self.stem = nn.Conv2d(image_channels, channels, 3, padding=1)
        self.encoder, self.decoder, self.takes_skip = nn.ModuleList(), nn.ModuleList(), []
        skips, width = [channels], channels
        for level, multiplier in enumerate(multipliers):
            if level > 0:
                self.encoder.append(Block(width, width, embedding, "down"))
                skips.append(width)
            for _ in range(blocks):
                self.encoder.append(Block(width, channels * multiplier, embedding, attention=size >> level in attention))
                width = channels * multiplier
                skips.append(width)
        for level, multiplier in reversed(list(enumerate(multipliers))):
            first = [("none", True), ("none", False)] if level == len(multipliers) - 1 else [("up", False)]
            for resample, attends in first:
                self.decoder.append(Block(width, width, embedding, resample if resample == "up" else None, attends))
                self.takes_skip.append(False)
            for i in range(blocks + 1):
                attends = i == blocks and size >> level in attention
                self.decoder.append(Block(width + skips.pop(), channels * multiplier, embedding, attention=attends))
                width = channels * multiplier
                self.takes_skip.append(True)
        self.last_norm, self.head = Norm(width), nn.Conv2d(width, image_channels, 3, padding=1)

    def forward(self, x, t):
        half = self.channels // 2
        frequencies = (1 / 10000) ** (torch.arange(half, dtype=torch.float32, device=x.device) / (half - 1))
        phase = t.float()[:, None] * frequencies
        embedding = F.silu(self.map1(F.silu(self.map0(torch.cat([phase.sin(), phase.cos()], 1)))))
        x = self.stem(x)
        skips = [x]
        for block in self.encoder:
            x = block(x, embedding)
            skips.append(x)
        for block, takes_skip in zip(self.decoder, self.takes_skip):
            x = block(torch.cat([x, skips.pop()], 1) if takes_skip else x, embedding)
        return self.head(F.silu(self.last_norm(x)))
