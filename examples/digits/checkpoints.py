"""Writes the weights of ft0.onnx .. ft7.onnx as checkpoints: epoch0.safetensors .. epoch7.safetensors.

    python3 checkpoints.py DIRECTORY

It stands for a training run that saves a checkpoint an epoch. PyTorch exports the parameters of this network under their own keys, so a state
dict is the initializers with such keys. The files of ONNX are read by protobuf's framing, and need no package.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Dict, Iterator, List, Tuple, Union

HERE = Path(__file__).resolve().parent

#: Numbers of fields in ONNX's messages.
GRAPH, INITIALIZER, DIMS, NAME, RAW_DATA = 7, 5, 1, 8, 9

Value = Union[int, bytes]


def varint(data: bytes, at: int) -> Tuple[int, int]:
    """Returns the number at an offset, and the offset behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data: bytes) -> Iterator[Tuple[int, Value]]:
    """Yields the fields of a message: their numbers and values."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag % 8 == 2:
            yield tag // 8, data[at : at + value]
            at += value
        else:
            yield tag // 8, value


def messages(data: bytes, number: int) -> List[bytes]:
    return [value for each, value in fields(data) if each == number and isinstance(value, bytes)]


def parameters(model: bytes) -> Dict[str, Tuple[List[int], bytes]]:
    """Returns dims and elements of the parameters of a model, by their keys."""
    found: Dict[str, Tuple[List[int], bytes]] = {}
    for tensor in messages(messages(model, GRAPH)[0], INITIALIZER):
        key = messages(tensor, NAME)[0].decode()
        dims = [value for number, value in fields(tensor) if number == DIMS and isinstance(value, int)]
        if key.endswith((".weight", ".bias")):
            found[key] = dims, messages(tensor, RAW_DATA)[0]
    return found


def safetensors(tensors: Dict[str, Tuple[List[int], bytes]]) -> bytes:
    """Returns a file of safetensors: the length of the header, the header, the elements."""
    header, data = {}, b""
    for key, (dims, elements) in tensors.items():
        header[key] = {"dtype": "F32", "shape": dims, "data_offsets": [len(data), len(data) + len(elements)]}
        data += elements
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def main(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for number in range(8):
        tensors = parameters((HERE / f"ft{number}.onnx").read_bytes())
        (out / f"epoch{number}.safetensors").write_bytes(safetensors(tensors))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "out")
