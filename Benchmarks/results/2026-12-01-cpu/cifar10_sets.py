"""Writes four sets of 1,000 CIFAR-10 images as .npz (arr_0, uint8): a.npz and b.npz, others of the training images; noise.npz and blur.npz, b with Gaussian noise of 10 levels and after a 3x3 box blur.

usage: cifar10_sets.py FOLDER   (of data_batch_1.bin and data_batch_2.bin); needs no package
"""
import random
import struct
import sys
import zipfile

SIZE, CHANNELS, COUNT, LEVELS = 32, 3, 1000, 10
PIXELS = SIZE * SIZE
RECORD = 1 + CHANNELS * PIXELS


def load(name):
    with open(f"{sys.argv[1]}/{name}", "rb") as file:
        records = file.read(COUNT * RECORD)
    planes = [records[i * RECORD + 1:(i + 1) * RECORD] for i in range(COUNT)]
    return [bytes(plane[c * PIXELS + p] for p in range(PIXELS) for c in range(CHANNELS)) for plane in planes]


def save(path, images):
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d, %d, %d), }" % (len(images), SIZE, SIZE, CHANNELS)
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("arr_0.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + b"".join(images))


def noisy(image, source):
    return bytes(min(255, max(0, int(value + source.gauss(0, LEVELS) + 0.5))) for value in image)


def blurred(image):
    result = bytearray(len(image))
    for y in range(SIZE):
        for x in range(SIZE):
            near = [(v, u) for v in range(max(0, y - 1), min(SIZE, y + 2)) for u in range(max(0, x - 1), min(SIZE, x + 2))]
            for c in range(CHANNELS):
                total = sum(image[(v * SIZE + u) * CHANNELS + c] for v, u in near)
                result[(y * SIZE + x) * CHANNELS + c] = (2 * total + len(near)) // (2 * len(near))
    return bytes(result)


a, b = load("data_batch_1.bin"), load("data_batch_2.bin")
source = random.Random(0)
for name, images in (("a", a), ("b", b), ("noise", [noisy(image, source) for image in b]), ("blur", [blurred(image) for image in b])):
    save(f"{name}.npz", images)
