"""Loads weights of this repository in PyTorch, without a package: python load_weights.py model.safetensors"""
import json, math, struct, sys, torch

with open(sys.argv[1], "rb") as file:
    header, data = json.loads(file.read(*struct.unpack("<Q", file.read(8)))), bytearray(file.read())
about = header.pop("__metadata__")
types = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
weights = {name: torch.frombuffer(data, dtype=types[each["dtype"]], count=math.prod(each["shape"]), offset=each["data_offsets"][0]).view(each["shape"])
           for name, each in header.items()}
config, sigma_data, kind = json.loads(about["config"]), float(about["sigma_data"]), about["kind"]
print(config["architecture"], kind, sigma_data, len(weights), sum(each.numel() for each in weights.values()))
