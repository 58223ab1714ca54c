"""Runs the network of this folder with NumPy, where onnxruntime is not installed. It knows this one network, and no other."""

import numpy as np


def run(content, images):
    """The outputs [n, 7, 6, 6] for images [n, 1, 24, 24]."""
    weights = initializers(content)
    x = images
    for layer, stride in (("conv1", 2), ("conv2", 2), ("conv3", 1), ("conv4", 1)):
        x = np.maximum(convolve(x, weights[f"{layer}.weight"], weights[f"{layer}.bias"], stride), 0)
    return convolve(x, weights["head.weight"], weights["head.bias"], 1)


def convolve(x, weight, bias, stride):
    """A convolution whose padding keeps the size, but for the stride."""
    edge = weight.shape[2] // 2
    padded = np.pad(x, ((0, 0), (0, 0), (edge, edge), (edge, edge)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True) + bias[:, None, None]


def initializers(content):
    """The float32 initializers of an ONNX file by name: fields `graph`, `initializer`, `dims`, `name` and `raw_data` of its protobuf."""
    tensors = {}
    for tensor in fields(fields(content)[7][0])[5]:
        parts = fields(tensor)
        shape = [int(each) for each in parts[1]]
        tensors[parts[8][0].decode()] = np.frombuffer(parts[9][0], "<f4").reshape(shape)
    return tensors


def fields(message):
    """The values of a protobuf message by field number: numbers, or bytes."""
    values, at = {}, 0
    while at < len(message):
        key, at = varint(message, at)
        if key & 7 == 0:
            value, at = varint(message, at)
        else:
            length, at = varint(message, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            value, at = message[at : at + length], at + length
        values.setdefault(key >> 3, []).append(value)
    return values


def varint(message, at):
    value, shift = 0, 0
    while True:
        byte, at = message[at], at + 1
        value, shift = value | (byte & 127) << shift, shift + 7
        if byte < 128:
            return value, at
