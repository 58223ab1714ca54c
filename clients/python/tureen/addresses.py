"""Paths and query parameters."""

from __future__ import annotations

import re
from typing import Dict, List, Literal, Mapping, Optional, Sequence, Union
from urllib.parse import quote, urlencode

#: Values of query parameters. A parameter with several values is repeated; None is left out.
Query = Mapping[str, Union[str, int, float, Sequence[str], None]]


def filled_path(path: str, values: Mapping[str, str]) -> str:
    """Returns a path with its places filled in, such as `/v1/models/{id}`.

    Raises ValueError if a value cannot be one step of a path: an empty one, `.` or `..`.
    """

    def fill(found: re.Match[str]) -> str:
        name = found.group(1)
        value = values[name]
        if value in ("", ".", ".."):
            raise ValueError(f'"{value}" cannot be {name} in the address {path}')
        # Slashes stay, for proxies that refuse %2F. Steps such as ../ are encoded as a whole, or URLs would lose them.
        is_plain = all(step not in ("", ".", "..") for step in value.split("/"))
        return quote(value, safe="/" if name == "location" and is_plain else "")

    return re.sub(r"\{(\w+)\}", fill, path)


def query_text(query: Query) -> str:
    """Returns a query with its question mark; an empty text if it has no parameters."""
    pairs: List[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        values: Sequence[object] = [value] if isinstance(value, (str, int, float)) else value
        pairs += [(name, str(each)) for each in values]
    text = urlencode(pairs)
    return f"?{text}" if text else ""


def label_texts(labels: Optional[Mapping[str, str]]) -> List[str]:
    """Returns labels as values of the query parameter `label`."""
    return [f"{key}:{value}" for key, value in (labels or {}).items()]


#: Orders of lists. A minus reverses them.
RecordOrder = Literal["-created", "created", "name", "-name", "bytes", "-bytes"]


def record_query(
    name: Optional[str], labels: Optional[Mapping[str, str]], ttl: Optional[int], root: Optional[str] = None
) -> Dict[str, object]:
    """Returns the fields of a record as query parameters. `ttl`: seconds until the record expires; `root`: of a checkpoint."""
    return {"name": name, "ttl": ttl, "root": root, "label": label_texts(labels)}
