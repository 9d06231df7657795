"""The EDM2 network in its TrigFlow form (arXiv:2312.02696, arXiv:2410.11081) in PyTorch, written as one would for speed.

Activations are bf16 and channels-last; weights are kept and normalised in fp32 and rounded at each use; the embedding, the sums of norms, softmax and the
output are fp32. Attention is fused where no tangent passes, since the fused one has no rule for forward-mode differentiation. torch.compile falls back to eager
at a generator without a word, so there is none here. The parameters have the names of weight files.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

EPSILON = 1e-4
SILU_DEVIATION = 0.596  # of SiLU of a standard normal number
RESIDUAL, LABEL = 0.3, 0.5  # shares of the second of two blended tensors
DROPOUT_RESOLUTION = 16  # blocks of larger images drop nothing
LOGVAR_CHANNELS = 128


def unit(a, *dims):
    """a over its root mean square over some dimensions."""
    count = 1
    for dim in dims:
        count *= a.shape[dim]
    norm = torch.linalg.vector_norm(a, dim=dims, keepdim=True, dtype=torch.float32) * count**-0.5 + EPSILON
    return a / norm.to(a.dtype)


def unit_rows(weight):
    return unit(weight, 1) if weight.dim() == 2 else unit(weight, 1, 2, 3)


def silu(a):
    return F.silu(a) / SILU_DEVIATION


def blend(a, b, share):
    return ((1 - share) * a + share * b) / math.hypot(1 - share, share)


def join(a, b):
    """Channels of two tensors, scaled so that each counts as much as the other."""
    scale = math.sqrt((a.shape[1] + b.shape[1]) / 2)
    return torch.cat([a * (scale / math.sqrt(a.shape[1])), b * (scale / math.sqrt(b.shape[1]))], 1)


def positional(t, channels):
    half = channels // 2
    frequencies = (1 / 10000) ** (torch.arange(half, device=t.device, dtype=torch.float32) / max(half - 1, 1))
    phase = t.float()[:, None] * frequencies
    return torch.cat([phase.cos(), phase.sin()], 1) * math.sqrt(2)


class Layer(nn.Module):
    """A convolution or matrix without bias, whose weight is normalised at each use."""

    def __init__(self, inputs, outputs, taps=0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, taps, taps) if taps else torch.randn(outputs, inputs))

    def forward(self, x, gain=1.0):
        weight = (unit_rows(self.weight) * (gain / math.sqrt(self.weight[0].numel()))).to(x.dtype)
        return x @ weight.t() if weight.dim() == 2 else F.conv2d(x, weight, padding=weight.shape[-1] // 2)


class Block(nn.Module):
    def __init__(self, inputs, outputs, embedding, resolution, config, decoder=False, resample=None, attention=False):
        super().__init__()
        self.decoder, self.resample, self.clip, self.fused = decoder, resample, config["clip_act"], False
        self.drops = resolution <= DROPOUT_RESOLUTION
        self.dropout = 0.0
        self.doubly = config["modulation"] == "double"
        self.heads = outputs // config["channels_per_head"] if attention else 0
        if not self.doubly:
            self.emb_gain = nn.Parameter(torch.ones(()))
        self.conv_res0 = Layer(inputs if decoder else outputs, outputs, 3)
        self.emb_linear = Layer(embedding, 2 * outputs if self.doubly else outputs)
        self.conv_res1 = Layer(outputs, outputs, 3)
        self.conv_skip = Layer(inputs, outputs, 1) if inputs != outputs else None
        if attention:
            self.attn_qkv, self.attn_proj = Layer(outputs, 3 * outputs, 1), Layer(outputs, outputs, 1)

    def modulate(self, h, embedding):
        if self.doubly:
            scale, shift = self.emb_linear(embedding).chunk(2, 1)
            scale, shift = unit(scale, 1)[:, :, None, None].to(h.dtype), unit(shift, 1)[:, :, None, None].to(h.dtype)
            return unit(h, 1) * scale + shift
        scale = 1 + self.emb_linear(embedding, self.emb_gain)
        scale = scale * torch.rsqrt(scale.square().mean(1, keepdim=True) + 1e-8)
        return h * scale[:, :, None, None].to(h.dtype)

    def attend(self, x):
        n, channels, height, width = x.shape
        depth = channels // self.heads
        query, key, value = unit(self.attn_qkv(x).reshape(n, self.heads, depth, 3, height * width), 2).unbind(3)
        if self.fused:
            mixed = F.scaled_dot_product_attention(query.transpose(2, 3), key.transpose(2, 3), value.transpose(2, 3)).transpose(2, 3)
        else:
            scores = torch.einsum("nhcq,nhck->nhqk", query, key).float() / math.sqrt(depth)
            mixed = torch.einsum("nhqk,nhck->nhcq", torch.softmax(scores, -1).to(value.dtype), value)
        return self.attn_proj(mixed.reshape(n, channels, height, width))

    def forward(self, x, embedding):
        if self.resample == "up":
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
        elif self.resample == "down":
            x = F.avg_pool2d(x, 2)
        if not self.decoder:
            x = unit(x if self.conv_skip is None else self.conv_skip(x), 1)
        h = silu(self.modulate(self.conv_res0(silu(x)), embedding))
        if self.training and self.drops and self.dropout > 0:
            h = F.dropout(h, self.dropout)
        h = self.conv_res1(h)
        if self.decoder and self.conv_skip is not None:
            x = self.conv_skip(x)
        x = blend(x, h, RESIDUAL)
        if self.heads:
            x = blend(x, self.attend(x), RESIDUAL)
        return x.clamp(-self.clip, self.clip)


class Edm2(nn.Module):
    """F(x, t, label) of a configuration with the keys of weight files; guided adds the guidance scale as an input."""

    DEFAULTS = dict(label_dim=0, channels_per_head=64, clip_act=256, modulation="double", embedding="positional")

    def __init__(self, config, guided=False):
        super().__init__()
        config = {**self.DEFAULTS, **config}
        if config["modulation"] not in ("double", "scale") or config["embedding"] != "positional":
            raise ValueError(f"no peer for modulation {config['modulation']} and embedding {config['embedding']}")
        size, channels, multipliers = config["img_resolution"], config["model_channels"], config["channel_mult"]
        blocks, attending = config["num_blocks"], config["attn_resolutions"]
        self.first, self.classes, self.activations = channels * multipliers[0], config["label_dim"], torch.bfloat16
        embedding = channels * max(multipliers)
        block = lambda inputs, outputs, resolution, **options: Block(inputs, outputs, embedding, resolution, config, **options)
        self.out_gain = nn.Parameter(torch.ones(()))  # 0 at the start of a training, with which F and most gradients are 0 too
        self.emb_noise = Layer(self.first, embedding)
        self.emb_label = Layer(self.classes, embedding) if self.classes else None
        self.emb_guidance = nn.Linear(self.first, embedding, bias=False) if guided else None
        self.enc, self.dec = nn.ModuleDict(), nn.ModuleDict()
        self.enc[f"{size}x{size}_conv"] = Layer(config["img_channels"] + 1, self.first, 3)
        width, skips = self.first, [self.first]
        for level, multiplier in enumerate(multipliers):
            side = size >> level
            if level > 0:
                self.enc[f"{side}x{side}_down"] = block(width, width, side, resample="down")
                skips.append(width)
            for i in range(blocks):
                self.enc[f"{side}x{side}_block{i}"] = block(width, channels * multiplier, side, attention=side in attending)
                width = channels * multiplier
                skips.append(width)
        for level, multiplier in reversed(list(enumerate(multipliers))):
            side = size >> level
            if level == len(multipliers) - 1:
                self.dec[f"{side}x{side}_in0"] = block(width, width, side, decoder=True, attention=True)
                self.dec[f"{side}x{side}_in1"] = block(width, width, side, decoder=True)
            else:
                self.dec[f"{side}x{side}_up"] = block(width, width, side, decoder=True, resample="up")
            for i in range(blocks + 1):
                self.dec[f"{side}x{side}_block{i}"] = block(width + skips.pop(), channels * multiplier, side, decoder=True, attention=side in attending)
                width = channels * multiplier
        self.encoder, self.decoder = list(self.enc.values()), list(self.dec.values())
        self.takes_skip = ["_block" in name for name in self.dec]
        self.out_conv = Layer(width, config["img_channels"], 3)

    def blocks(self):
        return [module for module in self.modules() if isinstance(module, Block)]

    def forward(self, x, t, labels=None, guidance=None):
        """labels are one-hot rows, rows of zeros for no class."""
        embedding = self.emb_noise(positional(t, self.first))
        if guidance is not None:
            embedding = embedding + self.emb_guidance(positional(guidance, self.first))
        if self.classes:
            embedding = blend(embedding, self.emb_label(labels * math.sqrt(self.classes)), LABEL)
        embedding = silu(embedding)
        x = x.to(self.activations)
        x = self.encoder[0](torch.cat([x, torch.ones_like(x[:, :1])], 1))
        skips = [x]
        for block in self.encoder[1:]:
            x = block(x, embedding)
            skips.append(x)
        for block, takes_skip in zip(self.decoder, self.takes_skip):
            x = block(join(x, skips.pop()) if takes_skip else x, embedding)
        return self.out_conv(x, self.out_gain).float()


class LogVariance(nn.Module):
    """The learned log of the loss's variance."""

    def __init__(self):
        super().__init__()
        self.linear = Layer(LOGVAR_CHANNELS, 1)

    def forward(self, t):
        return self.linear(positional(t, LOGVAR_CHANNELS))[:, 0]
