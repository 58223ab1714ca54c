"""Digests: `sha256:<hex>` as the API writes them, and as headers (RFC 9530)."""

from __future__ import annotations

import base64
import re
from typing import Optional


def digest_header(digest: str) -> str:
    """Returns a digest as the headers Content-Digest and Repr-Digest write it. `digest`: `sha256:<hex>`."""
    encoded = base64.b64encode(bytes.fromhex(digest.replace("sha256:", ""))).decode()
    return f"sha-256=:{encoded}:"


def declared_digest(header: Optional[str]) -> Optional[str]:
    """Returns the sha256 of a header Content-Digest or Repr-Digest, as `sha256:<hex>`; None if it has none."""
    found = re.search(r"(?:^|[\s,])sha-256=:([A-Za-z0-9+/]{43}=):", header or "")
    return f"sha256:{base64.b64decode(found.group(1)).hex()}" if found else None
