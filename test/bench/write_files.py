"""Writes COUNT files of BYTES bytes into DIRECTORY, each flushed to the disk, and prints how long that took.

usage: write_files.py DIRECTORY COUNT BYTES
"""

import json
import os
import sys
import time

directory, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
contents = [os.urandom(size) for _ in range(count)]
started = time.perf_counter()
for index, content in enumerate(contents):
    with open(os.path.join(directory, f"t{index}.bin"), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
print(json.dumps({"seconds": time.perf_counter() - started}))
