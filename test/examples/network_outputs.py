"""Writes the outputs of a detector of examples/detection, as its NumPy network computes them, for the pictures of a split.

    network_outputs.py MODEL SPLIT
"""

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "examples/detection"))
from numpy_network import run

pictures = np.load(sys.argv[2])["picture"][:, None].astype(np.float32) / 255
print(json.dumps(run(Path(sys.argv[1]).read_bytes(), pictures).ravel().tolist()))
