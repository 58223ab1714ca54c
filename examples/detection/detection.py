"""Measures a detector of this folder: the mAP of COCO on images of a split. Copy it, and change what your network needs.

    python3 detection.py MODEL.onnx selection
"""

import sys
from pathlib import Path

import numpy as np

from coco_map import intersections_over_unions, mean_average_precision

try:
    import onnxruntime

    def run(content, images):
        session = onnxruntime.InferenceSession(content, providers=onnxruntime.get_available_providers())
        return session.run(["cells"], {"image": images})[0]

except ImportError:  # Debian has no onnxruntime for Python
    from numpy_network import run

CLASSES, STRIDE, REACH = 3, 4, 8.0  # pixels from one cell to the next; pixels that 1 means in a distance
LOWEST_SCORE, SAME_OBJECT = 0.05, 0.5


def measure(content, split):
    """The mAP of a model, given as the bytes of its ONNX file, on the images of a split."""
    with np.load(Path(__file__).parent / f"{split}.npz") as data:
        truth = {name: data[name] for name in ("image", "label", "box")}
        pictures = data["picture"][:, None].astype(np.float32) / 255
    return mean_average_precision(truth, detections(run(content, pictures)))


def detections(cells):
    """The boxes that the outputs [n, 3 + 4, rows, columns] stand for: logits of classes, and distances from the middle of the cell."""
    scores = 1 / (1 + np.exp(-cells[:, :CLASSES].astype(np.float64)))
    image, label, row, column = np.nonzero(scores > LOWEST_SCORE)
    left, top, right, bottom = cells[image, CLASSES:, row, column].T * REACH
    x, y = (column + 0.5) * STRIDE, (row + 0.5) * STRIDE
    found = {
        "image": image,
        "label": label,
        "box": np.stack([x - left, y - top, x + right, y + bottom], axis=1),
        "score": scores[image, label, row, column],
    }
    kept = suppress(found)
    return {name: array[kept] for name, array in found.items()}


def suppress(found):
    """Non-maximum suppression: drops a box that overlaps one of the same class and image with a higher score."""
    kept = []
    for image, label in np.unique(np.stack([found["image"], found["label"]], axis=1), axis=0):
        here = np.flatnonzero((found["image"] == image) & (found["label"] == label))
        here = here[np.argsort(-found["score"][here], kind="stable")]
        boxes = found["box"][here]
        same = intersections_over_unions(boxes, boxes, np.zeros(len(boxes), bool)) > SAME_OBJECT
        best = []
        for each in range(len(here)):
            if not same[each, best].any():
                best.append(each)
        kept.extend(here[best])
    return np.array(kept, int)


if __name__ == "__main__":
    print(measure(Path(sys.argv[1]).read_bytes(), sys.argv[2]))
