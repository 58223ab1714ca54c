"""Reads cases of detections as JSON, and writes the mAP that examples/detection/coco_map.py gives each of them."""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/detection"))
from coco_map import mean_average_precision


def arrays(rows, last, kind):
    return {
        "image": np.array([row["image"] for row in rows], int),
        "label": np.array([row["label"] for row in rows], int),
        "box": np.array([row["box"] for row in rows], float).reshape(-1, 4),
        last: np.array([row[last] for row in rows], kind),
    }


def map_of(case):
    try:
        return mean_average_precision(arrays(case["truth"], "crowd", bool), arrays(case["found"], "score", float))
    except ValueError:
        return None


print(json.dumps([map_of(case) for case in json.load(sys.stdin)]))
