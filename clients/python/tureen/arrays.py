"""NumPy arrays as the file of a data set. NumPy is imported when it is needed."""

from __future__ import annotations

import tempfile
import zipfile
from typing import IO, Any, Mapping

#: Bytes up to which the file stays in memory; a larger one is a temporary file.
_MOST_MEMORY = 32 * 1024 * 1024


def npz_file(arrays: Mapping[str, Any]) -> IO[bytes]:
    """Returns a file in the format .npz that holds arrays by their names, at its beginning. Equal arrays make equal bytes.

    `arrays`: of NumPy, or anything that `numpy.asarray` takes. Raises ImportError without NumPy, and ValueError for arrays of objects.
    """
    try:
        import numpy
    except ImportError as error:
        raise ImportError("Arrays need NumPy: pip install numpy. Without it, upload a .npz file by its path.") from error
    if not arrays:
        raise ValueError("A data set needs at least one array.")
    write_array: Any = numpy.lib.format.write_array
    file: Any = tempfile.SpooledTemporaryFile(max_size=_MOST_MEMORY)
    try:
        # `numpy.savez` takes names as its own parameters, so that no array could be called `file`.
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            for name, values in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                    try:
                        write_array(entry, numpy.asarray(values), allow_pickle=False)
                    except ValueError as error:
                        raise ValueError(f'The array "{name}" cannot be uploaded: {error}. Give numbers or texts.') from error
        file.seek(0)
    except BaseException:
        file.close()
        raise
    opened: IO[bytes] = file
    return opened
