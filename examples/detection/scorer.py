"""Scores the candidates of a search until it ends. Start as many as you like, on any machine; a token needs the scope `score`.

    TUREEN_TOKEN=... python3 scorer.py http://127.0.0.1:3000/v1/jobs/ID
"""

import os
import sys
from pathlib import Path

# The client for Python of this checkout. Leave the line out where the package tureen is installed.
sys.path.append(str(Path(__file__).resolve().parents[2] / "clients/python"))

from detection import measure  # a function of yours: takes the bytes of an ONNX file and the name of a split, returns a number
from tureen import Client, score_candidates

server, _, job = sys.argv[1].partition("/v1/jobs/")
client = Client(server, token=os.environ.get("TUREEN_TOKEN"))
score_candidates(client, job, lambda path, candidate: measure(path.read_bytes(), candidate["split"]))
