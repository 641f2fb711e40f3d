"""The objects that are put and got."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

MB = 1024 * 1024
SMALL, MIDDLE, LARGE = 1024, MB, 256 * MB
_PIECE = 4 * MB


@dataclass(frozen=True)
class Payload:
    """
    An object's bytes, in a file.

    @ivar name: What tables call it.
    @ivar size: How many bytes.
    @ivar path: The file.
    @ivar md5: In hex.
    """

    name: str
    size: int
    path: Path
    md5: str


def name_of(size: int) -> str:
    """A size as tables have it."""
    for factor, unit in ((1024 * MB, "GB"), (MB, "MB"), (1024, "KB")):
        if size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} B"


def make_payload(folder: Path, size: int) -> Payload:
    """Write a file of random bytes; beyond some megabytes they repeat."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"payload-{size}"
    piece, digest, left = os.urandom(min(size, _PIECE)), hashlib.md5(usedforsecurity=False), size
    with path.open("wb") as file:
        while left:
            part = piece[:left]
            digest.update(part)
            file.write(part)
            left -= len(part)
    return Payload(name_of(size), size, path, digest.hexdigest())
