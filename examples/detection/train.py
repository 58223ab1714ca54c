#!/usr/bin/python3
"""Train a tiny detector of shapes, fine-tune it six times, export all seven as ONNX.

The files next to this script were made by it:

    base.onnx                    a small CNN that finds squares, discs and crosses, trained on clean pictures
    ft0.onnx .. ft5.onnx         six fine-tunes of base, each on pictures that are disturbed in another way
    selection.npz, test.npz      80 pictures to choose a soup on, 80 to report it on

    apt-get install python3-torch python3-numpy
    /usr/bin/python3 examples/detection/train.py [--out DIRECTORY]

Everything is seeded, runs on one thread and is pinned to one set of kernels: on one machine two runs write the same bytes.
Another version of PyTorch, or a processor of another kind, may round differently.
"""

import argparse
import os
from pathlib import Path

# OpenBLAS and PyTorch choose their kernels by processor, and each rounds differently. These are read on import.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OPENBLAS_CORETYPE"] = "Haswell"
os.environ["ATEN_CPU_CAPABILITY"] = "avx2"

import numpy as np
import torch
from torch import nn

SIZE, STRIDE, REACH = 24, 4, 8.0  # pixels of a picture, pixels from one cell to the next, pixels that 1 means in a distance
BATCH = 32

# How a picture is disturbed. Each value is the end of a range from which every picture draws its own amount:
#   noise    standard deviation of the Gaussian noise that is added to every pixel
#   fade     contrast reduced by up to this fraction
#   slope    light that grows from one side to the other by up to this much
#   clutter  probability that a pixel is white
CLEAN = dict(noise=0.0, fade=0.0, slope=0.0, clutter=0.0)
TARGET = dict(noise=0.12, fade=0.4, slope=0.5, clutter=0.03)  # of selection and test

BASE = dict(seed=100, steps=4000, lr=5e-3, disturbance=CLEAN)
FINE_TUNES = [
    dict(seed=200, steps=400, lr=2e-3, disturbance=dict(CLEAN, noise=0.25)),
    dict(seed=201, steps=400, lr=2e-3, disturbance=dict(CLEAN, slope=0.8)),
    dict(seed=202, steps=400, lr=2e-3, disturbance=dict(CLEAN, fade=0.6)),
    dict(seed=203, steps=400, lr=2e-3, disturbance=dict(CLEAN, clutter=0.06)),
    dict(seed=204, steps=400, lr=1e-3, disturbance=dict(CLEAN, noise=0.15, fade=0.3)),
    # ft5 has too high a learning rate and stops too early
    dict(seed=205, steps=60, lr=2e-2, disturbance=dict(CLEAN, fade=0.5)),
]


class Net(nn.Module):
    """Four convolutions and a head: for each of 6 x 6 cells the logits of three classes and four distances to the sides of a box."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(12, 12, 3, padding=1)
        self.conv4 = nn.Conv2d(12, 12, 3, padding=1)
        self.head = nn.Conv2d(12, 7, 1)

    def forward(self, image):
        x = image
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = torch.relu(layer(x))
        return self.head(x)


# Pictures


def draw(rng, disturbance):
    """A picture [24, 24], 0 to 1, of one to three shapes, with their labels and boxes (x1, y1, x2, y2)."""
    picture = np.full((SIZE, SIZE), rng.uniform(0.0, 0.2))
    labels, boxes = [], []
    for _ in range(rng.integers(1, 4)):
        width, height = rng.integers(6, 12, 2)
        x, y = rng.integers(0, SIZE - width + 1), rng.integers(0, SIZE - height + 1)
        if any(x < right and left < x + width and y < bottom and top < y + height for left, top, right, bottom in boxes):
            continue
        label = int(rng.integers(3))
        picture[y : y + height, x : x + width][shape_of(label, width, height)] = rng.uniform(0.6, 1.0)
        labels.append(label)
        boxes.append((x, y, x + width, y + height))
    return disturb(picture, rng, **disturbance), np.array(labels), np.array(boxes, np.float32)


def shape_of(label, width, height):
    """The pixels of a square, a disc or a cross, as a mask."""
    across = (np.arange(width) + 0.5) / width * 2 - 1
    down = (np.arange(height) + 0.5)[:, None] / height * 2 - 1
    if label == 0:
        return np.ones((height, width), bool)
    if label == 1:
        return across**2 + down**2 <= 1
    return (np.abs(across) < 0.35) | (np.abs(down) < 0.35)


def disturb(picture, rng, noise, fade, slope, clutter):
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(0, slope)
    place = np.linspace(-0.5, 0.5, SIZE)
    picture = (picture - 0.5) * (1 - rng.uniform(0, fade)) + 0.5
    picture = picture + length * (np.cos(angle) * place + np.sin(angle) * place[:, None])
    picture = picture + rng.uniform(0, noise) * rng.standard_normal(picture.shape)
    picture = np.where(rng.random(picture.shape) < rng.uniform(0, clutter), 1.0, picture)
    return np.clip(picture, 0, 1)


def write_split(path, seed, count):
    rng = np.random.default_rng(seed)
    drawn = [draw(rng, TARGET) for _ in range(count)]
    np.savez_compressed(
        path,
        picture=np.round(np.stack([picture for picture, _, _ in drawn]) * 255).astype(np.uint8),
        image=np.concatenate([np.full(len(labels), index) for index, (_, labels, _) in enumerate(drawn)]),
        label=np.concatenate([labels for _, labels, _ in drawn]),
        box=np.concatenate([boxes for _, _, boxes in drawn]),
    )


# Training


def targets_of(labels, boxes):
    """What the network should say of a picture: classes [3, 6, 6], distances [4, 6, 6], and the cells that hold a middle [6, 6]."""
    cells = SIZE // STRIDE
    classes, distances, held = np.zeros((3, cells, cells)), np.zeros((4, cells, cells)), np.zeros((cells, cells))
    for label, (left, top, right, bottom) in zip(labels, boxes):
        column, row = int((left + right) / 2 / STRIDE), int((top + bottom) / 2 / STRIDE)
        x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
        classes[label, row, column] = held[row, column] = 1
        distances[:, row, column] = np.array([x - left, y - top, right - x, bottom - y]) / REACH
    return classes, distances, held


def train(net, seed, steps, lr, disturbance):
    """AdamW with the learning rate going down to 0 along a cosine; every batch is drawn anew."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        drawn = [draw(rng, disturbance) for _ in range(BATCH)]
        pictures = torch.tensor(np.stack([picture for picture, _, _ in drawn])[:, None], dtype=torch.float32)
        targets = [targets_of(labels, boxes) for _, labels, boxes in drawn]
        classes, distances, held = (torch.tensor(np.stack(each), dtype=torch.float32) for each in zip(*targets))
        cells = net(pictures)
        right = torch.where(classes == 1, cells[:, :3], -cells[:, :3])
        # Focal loss: cells that are judged well already count little, since most of them are empty.
        class_loss = -((1 - torch.sigmoid(right)) ** 2 * nn.functional.logsigmoid(right)).sum()
        box_loss = (nn.functional.smooth_l1_loss(cells[:, 3:], distances, reduction="none", beta=0.1) * held[:, None]).sum()
        optimizer.zero_grad()
        ((class_loss + box_loss) / held.sum()).backward()
        optimizer.step()
        schedule.step()
    return net


def export(net, path):
    torch.onnx.export(
        net.eval(),
        torch.zeros(1, 1, SIZE, SIZE),
        path,
        opset_version=13,
        input_names=["image"],
        output_names=["cells"],
        dynamic_axes={"image": {0: "batch"}, "cells": {0: "batch"}},
        verbose=False,  # and with it no stack traces, hence no paths, in doc strings
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: next to this script)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    torch.backends.mkldnn.set_flags(False)  # its kernels, too, depend on the processor

    write_split(out / "selection.npz", seed=1, count=80)
    write_split(out / "test.npz", seed=2, count=80)
    torch.manual_seed(BASE["seed"])  # the initial weights; nothing else draws from PyTorch's generator
    base = train(Net(), **BASE)
    export(base, out / "base.onnx")
    for index, settings in enumerate(FINE_TUNES):
        net = Net()
        net.load_state_dict(base.state_dict())
        export(train(net, **settings), out / f"ft{index}.onnx")


if __name__ == "__main__":
    main()
