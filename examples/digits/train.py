#!/usr/bin/python3
"""Train a small digit classifier, fine-tune it eight times, export all nine as ONNX.

The files next to this script were made by it:

    base.onnx               a small CNN, trained on 300 clean images
    ft0.onnx .. ft7.onnx    eight fine-tunes of base, each with other hyperparameters
    val.npz, test.npz       500 images to choose a soup on, 597 to report it on
    expected.json           accuracies, digests of two soups, the outcome of two searches

The images are scikit-learn's 8x8 digits. Those of val and test are moved, faded, and noisy (`TARGET`); each fine-tune has
seen only a part of that, so each is good at something else, and an average of the right ones is better than any of them.

    apt-get install python3-torch python3-sklearn python3-onnx python3-numpy
    /usr/bin/python3 examples/digits/train.py [--out DIRECTORY]

Everything is seeded, runs on one thread and is pinned to one set of kernels: on one machine two runs write the same bytes.
Another version of PyTorch, or a processor of another kind, may round differently in training; the weights, and with them the
accuracies, then come out a little different. expected.json describes the files that were written along with it.
"""

import argparse
import hashlib
import json
import os
from pathlib import Path

# OpenBLAS and PyTorch choose their kernels by processor, and each rounds differently. These are read on import and pin the
# choice to AVX2, which almost every x86-64 processor since 2015 has.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OPENBLAS_CORETYPE"] = "Haswell"
os.environ["ATEN_CPU_CAPABILITY"] = "avx2"

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from sklearn.datasets import load_digits
from torch import nn

SPLIT_SEED = 0
TRAIN, VAL = 700, 500  # the other 597 of the 1,797 images are the test set
BASE_SAMPLES = 300  # base sees only the first 300 training images
BATCH = 32

# How an image is disturbed. Each value is the end of a range from which every image draws its own amount:
#   shift   moved by up to this many pixels, up or down and left or right
#   fade    contrast reduced by up to this fraction
#   light   brightness changed by up to this much, up or down (pixels are 0 to 1)
# and noise is the standard deviation of the Gaussian noise added to every pixel.
CLEAN = dict(shift=0.0, fade=0.0, light=0.0, noise=0.0)
TARGET = dict(shift=0.7, fade=0.4, light=0.1, noise=0.14)  # of val and test

BASE = dict(seed=100, epochs=30, lr=1e-3, weight_decay=0.0, smoothing=0.0, augment=CLEAN)
FINE_TUNES = [
    # ft0 and ft1 are strong on noise and on shift, ft2 on contrast, ft3 on noise and contrast
    dict(seed=200, epochs=15, lr=2e-3, weight_decay=0.00, smoothing=0.00, augment=dict(CLEAN, noise=0.3)),
    dict(seed=201, epochs=15, lr=2e-3, weight_decay=0.01, smoothing=0.05, augment=dict(CLEAN, shift=1.0)),
    dict(seed=202, epochs=15, lr=1e-3, weight_decay=0.00, smoothing=0.00, augment=dict(CLEAN, fade=0.6, light=0.2)),
    dict(seed=203, epochs=20, lr=1e-3, weight_decay=0.05, smoothing=0.00, augment=dict(CLEAN, noise=0.25, fade=0.5)),
    # ft4 has too high a learning rate and stops too early; it is worse than base
    dict(seed=204, epochs=2, lr=9e-3, weight_decay=0.00, smoothing=0.00, augment=dict(CLEAN, fade=0.6)),
    # ft5 is strong on shift, ft6 hardly leaves base, ft7 has seen a lot of noise
    dict(seed=205, epochs=20, lr=1e-3, weight_decay=0.01, smoothing=0.00, augment=dict(CLEAN, shift=0.9, light=0.1)),
    dict(seed=206, epochs=5, lr=3e-4, weight_decay=0.00, smoothing=0.05, augment=dict(CLEAN, noise=0.1, shift=0.3)),
    dict(seed=207, epochs=10, lr=2e-3, weight_decay=0.10, smoothing=0.10, augment=dict(CLEAN, noise=0.4)),
]


class Net(nn.Module):
    """39,306 parameters: two convolutions, LayerNorm, two linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(32 * 4 * 4)
        self.fc1 = nn.Linear(32 * 4 * 4, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, image):
        x = torch.relu(self.conv1(image))
        x = torch.relu(self.conv2(x))
        x = self.norm(torch.flatten(x, 1))
        x = torch.relu(self.fc1(x))
        return self.fc2(x)


# Data


def disturb(images, rng, shift, fade, light, noise):
    """Every image moved, faded, lightened or darkened by its own random amounts, and noise added."""
    n = len(images)
    dy, dx = rng.uniform(-shift, shift, (2, n, 1, 1, 1))
    contrast = 1 - rng.uniform(0, fade, (n, 1, 1, 1))
    brightness = rng.uniform(-light, light, (n, 1, 1, 1))
    x = move(move(images.astype(np.float64), dy, axis=2), dx, axis=3)
    x = (x - 0.5) * contrast + 0.5 + brightness
    x = x + noise * rng.standard_normal(x.shape)
    return x.astype(np.float32)


def move(images, distance, axis):
    """Linear interpolation between an image and its neighbour by one pixel; what enters at the edge is 0."""
    pad = [(0, 0)] * 4
    pad[axis] = (1, 1)
    padded = np.pad(images, pad)
    size = images.shape[axis]
    before = np.take(padded, range(0, size), axis)
    after = np.take(padded, range(2, size + 2), axis)
    part = np.abs(distance)
    return (1 - part) * images + part * np.where(distance > 0, before, after)


def load_splits():
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[:, None]  # [1797, 1, 8, 8], 0 to 1
    labels = digits.target.astype(np.int64)
    rng = np.random.default_rng(SPLIT_SEED)
    order = rng.permutation(len(images))
    train, val, test = np.split(order, [TRAIN, TRAIN + VAL])
    return {
        "train": (images[train], labels[train]),
        "val": (disturb(images[val], rng, **TARGET), labels[val]),
        "test": (disturb(images[test], rng, **TARGET), labels[test]),
    }


# Training


def train(net, images, labels, seed, epochs, lr, weight_decay, smoothing, augment):
    """AdamW with the learning rate going down to 0 along a cosine; the images are disturbed anew in each epoch."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=weight_decay)
    steps = epochs * -(-len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=smoothing)
    net.train()
    for _ in range(epochs):
        order = rng.permutation(len(images))
        x = torch.from_numpy(disturb(images[order], rng, **augment))
        y = torch.from_numpy(labels[order])
        for start in range(0, len(images), BATCH):
            optimizer.zero_grad()
            loss_of(net(x[start : start + BATCH]), y[start : start + BATCH]).backward()
            optimizer.step()
            schedule.step()
    return net.eval()


# Export


def export(net, path):
    torch.onnx.export(
        net,
        torch.zeros(1, 1, 8, 8),
        path,
        opset_version=13,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
        verbose=False,  # and with it no stack traces, hence no paths, in doc strings
    )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def skeleton(path):
    """The file without the values of its initializers. The same for all nine."""
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
    return model.SerializeToString(deterministic=True)


def load_tensors(path):
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


# Soups, from the exported files and with NumPy alone


def average(tensors, weights):
    """sum(w x) / sum(w) in float64, from left to right, rounded once to float32."""
    acc = weights[0] * tensors[0].astype("f8")
    for weight, tensor in zip(weights[1:], tensors[1:]):
        acc = acc + weight * tensor.astype("f8")
    return (acc / sum(weights)).astype("f4")


def soup(models, weights):
    return {name: average([m[name] for m in models], weights) for name in models[0]}


def digests(tensors):
    return {name: hashlib.sha256(x.astype("<f4").tobytes()).hexdigest() for name, x in tensors.items()}


def accuracy(tensors, images, labels):
    net = Net().eval()
    net.load_state_dict({name: torch.from_numpy(x.copy()) for name, x in tensors.items()})
    with torch.no_grad():
        predicted = net(torch.from_numpy(images)).argmax(1).numpy()
    return round(float((predicted == labels).mean()), 6)


# Searches. Only val decides; ties go to fewer models, then to recipe order (ft0 first).


def exhaustive(score, n):
    """Every subset with its accuracy, and the best of them."""
    subsets = [tuple(i for i in range(n) if bits >> i & 1) for bits in range(1, 2**n)]
    return subsets, min(subsets, key=lambda s: (-score(s), len(s), s))


def greedy(score, n):
    """Best model first; each next one stays in the soup if the soup is then at least as good."""
    order = sorted(range(n), key=lambda i: -score((i,)))
    kept = (order[0],)
    for i in order[1:]:
        tried = tuple(sorted(kept + (i,)))
        if score(tried) >= score(kept):
            kept = tried
    return order, kept


def expected(paths, base_path, val, test):
    models = [load_tensors(path) for path in paths]
    scores = {}

    def score(subset):
        if subset not in scores:
            scores[subset] = accuracy(soup([models[i] for i in subset], [1] * len(subset)), *val)
        return scores[subset]

    def on_both(tensors):
        return {"val": {"accuracy": accuracy(tensors, *val)}, "test": {"accuracy": accuracy(tensors, *test)}}

    def report(pairs, with_digests):
        tensors = soup([models[i] for i, _ in pairs], [w for _, w in pairs])
        return {
            "weights": [list(pair) for pair in pairs],
            **({"tensors": digests(tensors)} if with_digests else {}),
            **on_both(tensors),
        }

    n = len(models)
    subsets, best = exhaustive(score, n)
    order, kept = greedy(score, n)
    return {
        "base": {"model": "base", **on_both(load_tensors(base_path))},
        "single": [{"model": path.stem, **on_both(model)} for path, model in zip(paths, models)],
        "uniform": report([(i, 1) for i in range(n)], True),
        "two_three": report([(0, 2), (1, 3)], True),
        "best_single": {"model": paths[order[0]].stem, **on_both(models[order[0]])},
        "exhaustive": report([(i, 1) for i in best], False),
        "greedy": {"order": order, **report([(i, 1) for i in kept], False)},
        "exhaustive_val_accuracy": [{"models": list(s), "accuracy": score(s)} for s in subsets],
    }


def to_json(value, indent=""):
    """JSON in which whatever fits into 120 characters stays on one line."""
    line = json.dumps(value)
    if len(indent) + len(line) <= 120 or not isinstance(value, (dict, list)):
        return line
    deeper = indent + "  "
    if isinstance(value, list):
        rows, (first, last) = [to_json(v, deeper) for v in value], "[]"
    else:
        rows, (first, last) = [f"{json.dumps(k)}: {to_json(v, deeper)}" for k, v in value.items()], "{}"
    return first + ",".join("\n" + deeper + row for row in rows) + "\n" + indent + last


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here, help="where to write (default: next to this script)")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    torch.backends.mkldnn.set_flags(False)  # its kernels, too, depend on the processor

    splits = load_splits()
    for name in ("val", "test"):
        images, labels = splits[name]
        np.savez_compressed(out / f"{name}.npz", image=images, label=labels)

    images, labels = splits["train"]
    torch.manual_seed(BASE["seed"])  # the initial weights; nothing else draws from PyTorch's generator
    base = train(Net(), images[:BASE_SAMPLES], labels[:BASE_SAMPLES], **BASE)
    base_path = out / "base.onnx"
    export(base, base_path)

    paths = []
    for i, settings in enumerate(FINE_TUNES):
        net = Net()
        net.load_state_dict(base.state_dict())
        paths.append(out / f"ft{i}.onnx")
        export(train(net, images, labels, **settings), paths[-1])
    if any(skeleton(path) != skeleton(base_path) for path in paths):
        raise SystemExit("the exported files differ in more than their weights")

    result = expected(paths, base_path, splits["val"], splits["test"])
    (out / "expected.json").write_text(to_json(result) + "\n")
    for row in [result["base"], *result["single"]]:
        print(f"{row['model']:<12} val {row['val']['accuracy']:.3f}  test {row['test']['accuracy']:.3f}")
    for name in ("uniform", "two_three", "greedy", "exhaustive"):
        row = result[name]
        print(f"{name:<12} val {row['val']['accuracy']:.3f}  test {row['test']['accuracy']:.3f}  {row['weights']}")


if __name__ == "__main__":
    main()
