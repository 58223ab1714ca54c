#!/usr/bin/python3
"""Averages ONNX models as one would by hand in Python: onnx.load, NumPy, onnx.save.

    average_onnx.py --describe
    average_onnx.py OUTPUT MODEL MODEL ...

Computes in binary64, as Tureen does, one tensor after the other. Prints the seconds from before the first load until after the
save, and the most memory that the process took, as JSON.
"""

import json
import resource
import sys
import time

import numpy as np
import onnx
from onnx import numpy_helper


def average(output, paths):
    models = [onnx.load(path) for path in paths]
    base, others = models[0], models[1:]
    tables = [{tensor.name: tensor for tensor in model.graph.initializer} for model in others]
    for tensor in base.graph.initializer:
        first = numpy_helper.to_array(tensor)
        total = first.astype(np.float64)
        for table in tables:
            total = total + numpy_helper.to_array(table[tensor.name])
        tensor.CopyFrom(numpy_helper.from_array((total / len(models)).astype(first.dtype), tensor.name))
    onnx.save(base, output)


if sys.argv[1] == "--describe":
    print(json.dumps({"onnx": onnx.__version__, "numpy": np.__version__}))
else:
    started = time.perf_counter()
    average(sys.argv[1], sys.argv[2:])
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peakMebibytes": peak}))
