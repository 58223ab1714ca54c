#!/usr/bin/python3
"""Searches a model soup as one would by hand in PyTorch: three functions and a loop over bit masks.

    article_loop.py --describe
    article_loop.py --weights W.npz --layers L.json --val VAL.npz --models ft0,ft1,... --threads N

The network is given as a list of layers (torch-network.ts), the weights as MODEL/TENSOR arrays. Models and batches are in
memory before the clock starts, everything has run once. Prints seconds and the accuracy of every subset as JSON.
"""

import argparse
import json
import os
import subprocess
import time
from copy import deepcopy

import numpy as np
import torch
from torch import nn

BATCH = 64


def copy(model):
    return deepcopy(model)


def add(model, other):
    """Adds the weights of another model, in place."""
    others = other.state_dict()
    for name, tensor in model.state_dict().items():
        tensor.add_(others[name])


def scale(model, factor):
    """Multiplies every weight, in place."""
    for tensor in model.state_dict().values():
        tensor.mul_(factor)


def accuracy(model, batches):
    right = samples = 0
    for images, labels in batches:
        right += (model(images).argmax(dim=1) == labels).sum().item()
        samples += len(labels)
    return right / samples


def search(models, batches):
    best, best_accuracy, accuracies = None, -1.0, []
    for mask in range(1, 1 << len(models)):
        members = [model for bit, model in enumerate(models) if mask >> bit & 1]
        soup = copy(members[0])
        for member in members[1:]:
            add(soup, member)
        scale(soup, 1 / len(members))
        accuracies.append(accuracy(soup, batches))
        if accuracies[-1] > best_accuracy:
            best, best_accuracy = soup, accuracies[-1]
    return best, accuracies


def build(layers, weights):
    """The network as PyTorch's own modules, with these weights."""
    modules = []
    for layer in layers:
        shape = weights[layer["weight"]].shape if "weight" in layer else None
        if layer["type"] == "conv":
            module = nn.Conv2d(
                shape[1] * layer["group"], shape[0], shape[2:], stride=layer["strides"], padding=layer["pads"],
                dilation=layer["dilations"], groups=layer["group"],
            )
        elif layer["type"] == "maxPool":
            module = nn.MaxPool2d(layer["kernel"], layer["strides"])
        elif layer["type"] == "layerNorm":
            module = nn.LayerNorm(shape, eps=layer["epsilon"])
        elif layer["type"] == "linear":
            module = nn.Linear(shape[1], shape[0])
        else:
            module = {"relu": nn.ReLU, "flatten": nn.Flatten}[layer["type"]]()
        for name in ("weight", "bias") if shape else ():
            getattr(module, name).data = torch.from_numpy(weights[layer[name]])
        modules.append(module)
    return nn.Sequential(*modules).eval()


def describe():
    """What PyTorch this is; its matrix library decides how fast it is."""
    parts = []
    try:
        query = ["dpkg-query", "-W", "-f", "Debian package ${Version}", "python3-torch"]
        parts.append(subprocess.run(query, capture_output=True, text=True, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        parts.append("not from a Debian package")
    try:
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/" in line}
        libraries = sorted(path for path in paths if "blas" in os.path.basename(path) or "mkl" in os.path.basename(path))
        parts.append(f"BLAS {', '.join(libraries) or 'of its own'}")
        if any(path.endswith("linux-gnu/blas/libblas.so.3") or "/blas/libblas.so.3." in path for path in libraries):
            parts.append("which is Debian's reference BLAS: with the package libopenblas0 PyTorch is faster")
    except OSError:
        pass  # not on Linux
    words = ("GCC", "MKL-DNN", "Math Kernel", "CPU capability")
    config = [line.strip(" -") for line in torch.__config__.show().splitlines()]
    parts += [line for line in config if any(word in line for word in words) and len(line) < 100]
    return {"version": torch.__version__, "build": ", ".join(parts), "threads": torch.get_num_threads()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--describe", action="store_true", help="print what PyTorch this is, and end")
    for option in ("--weights", "--layers", "--val", "--models"):
        parser.add_argument(option)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.describe:
        print(json.dumps(describe()))
        return

    torch.set_num_threads(options.threads)
    with open(options.layers) as file:
        layers = json.load(file)
    with np.load(options.weights) as arrays:
        weights = {name: arrays[name] for name in arrays.files}
    models = [
        build(layers, {name.removeprefix(f"{model}/"): weights[name] for name in weights if name.startswith(f"{model}/")})
        for model in options.models.split(",")
    ]
    with np.load(options.val) as arrays:
        images, labels = torch.from_numpy(arrays["image"]), torch.from_numpy(arrays["label"])
    batches = list(zip(images.split(BATCH), labels.split(BATCH)))

    with torch.no_grad():
        search(models[:1], batches)
        started = time.perf_counter()
        _, accuracies = search(models, batches)
        seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "accuracies": accuracies}))


if __name__ == "__main__":
    main()
