"""What lies on a server's disk, held against what its metadata says."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from attrs import frozen

_SWEPT = 30.0
"""Seconds within which the sweep of the start is over: it is enough for any machine."""

_REFERENCED = """
SELECT blob, size FROM objects WHERE blob IS NOT NULL
UNION ALL SELECT blob, size FROM object_blobs
UNION ALL SELECT blob, size FROM parts
"""

_MISPLACED = """
SELECT key FROM objects AS o WHERE (blob IS NOT NULL) + (content IS NOT NULL) + EXISTS (
    SELECT 1 FROM object_blobs AS b WHERE b.bucket = o.bucket AND b.key = o.key
) <> 1 OR length(content) <> size
"""


@frozen
class Disk:
    """
    @ivar referenced: Blob to size, of all that metadata refers to.
    @ivar garbage: Blobs that are to be removed.
    @ivar incoming: File to size.
    @ivar blobs: File to size.
    @ivar strangers: What else lies in the storage's folder.
    """

    referenced: dict[str, int]
    garbage: set[str]
    incoming: dict[str, int]
    blobs: dict[str, int]
    strangers: list[str]


def look(data_dir: Path) -> Disk:
    """Look; the server may be running, but must have nothing to do than to sweep."""
    path = data_dir / "aigate.sqlite"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        database.execute("BEGIN")
        (checked,) = database.execute("PRAGMA quick_check").fetchone()
        assert checked == "ok", checked
        rows = database.execute(_REFERENCED).fetchall()
        referenced = dict(rows)
        assert len(rows) == len(referenced), "a blob is referred to twice"
        misplaced = database.execute(_MISPLACED).fetchall()
        assert not misplaced, f"objects that have their bytes nowhere, or twice: {misplaced}"
        garbage = {blob for (blob,) in database.execute("SELECT blob FROM garbage")}
    incoming: dict[str, int] = {}
    blobs: dict[str, int] = {}
    strangers = []
    storage = data_dir / "storage"
    for file in storage.rglob("*"):
        if file.is_dir():
            continue
        with contextlib.suppress(FileNotFoundError):  # The sweep was there first.
            size = file.stat().st_size
            if file.parent == storage / "incoming":
                incoming[file.name] = size
            elif file.parent == storage / "blobs" / file.name[:2]:
                blobs[file.name] = size
            else:
                strangers.append(str(file))
    return Disk(referenced, garbage, incoming, blobs, strangers)


def faults(disk: Disk) -> list[str]:
    """What is wrong on a disk where nothing is on its way; garbage may wait to be swept."""
    found = [f"a stranger: {path}" for path in disk.strangers]
    found += [f"a stray in incoming: {name}" for name in disk.incoming]
    for name in disk.blobs.keys() - disk.referenced.keys() - disk.garbage:
        found.append(f"a stray in blobs: {name}")
    for name, size in disk.referenced.items():
        if disk.blobs.get(name) != size:
            found.append(f"{name} has {disk.blobs.get(name)} bytes on disk, and should have {size}")
        if name in disk.garbage:
            found.append(f"{name} is referred to, and garbage")
    return found


def faults_after_start(data_dir: Path) -> list[str]:
    """What is wrong on the disk of a server that has just started, now and when it has swept."""
    disk = look(data_dir)
    found = faults(disk)
    deadline = time.monotonic() + _SWEPT
    while disk.garbage and not found:
        if time.monotonic() > deadline:
            return [f"{len(disk.garbage)} blobs are not swept"]
        time.sleep(0.02)
        disk = look(data_dir)
        found = faults(disk)
    return found
