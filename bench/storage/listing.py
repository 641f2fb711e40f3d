"""How long a page of 1,000 keys out of 100,000 takes."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from bench.common.console import say
from bench.common.http import fetch, wait_until_ok
from bench.common.percentiles import percentile
from bench.common.processes import Unusable, free_port
from bench.storage.contenders import BUCKET, Aigate, data_folder
from twisted_aigate.kernel.database.engines import make_engine
from twisted_aigate.storage.metadata import objects
from twisted_aigate.storage.models import BlobRef, StoredObject

KEYS = 100_000
PAGE = 1_000
_TIMES = 40
_MIDDLE = f"listed/{KEYS // 2:07}"
_BASE = f"/storage/{BUCKET}"
# The bucket is public: no list is signed.
_LISTS = {
    "plain, the first page": f"{_BASE}?max-keys={PAGE}",
    "S3, the first page": f"{_BASE}?list-type=2&max-keys={PAGE}",
    "S3, from the middle": f"{_BASE}?list-type=2&max-keys={PAGE}&start-after={_MIDDLE}",
}


@dataclass(frozen=True)
class Listed:
    """
    Lists of one kind.

    @ivar what: Which kind.
    @ivar milliseconds: Of each list.
    """

    what: str
    milliseconds: tuple[float, ...]

    def at(self, share: float) -> float:
        """The percentile."""
        return percentile(self.milliseconds, share)


def _fill(database: Path) -> None:
    engine = make_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for number in range(KEYS):
                # Nobody asks for the bytes: there are none.
                objects.put(
                    connection,
                    StoredObject(
                        bucket=BUCKET, key=f"listed/{number:07}", size=1024,
                        blobs=(BlobRef(uuid.uuid4().hex, 1024),), etag=uuid.uuid4().hex,
                        content_type="application/octet-stream", uploaded_at=time.time(),
                    ),
                )  # fmt: skip
            connection.exec_driver_sql("COMMIT")
    finally:
        engine.dispose()


def measure_lists(folder: Path) -> list[Listed]:
    """
    Fill a bucket, start aigate on it, and list.

    @raise Unusable: It does not start, or a list is wrong.
    """
    aigate = Aigate()
    with aigate.start(port := free_port(), folder) as child:
        wait_until_ok(child, port, aigate.health)
    say(f"  inserting {KEYS:,} keys …")
    _fill(data_folder(folder) / "aigate.sqlite")
    with aigate.start(port := free_port(), folder) as child:
        wait_until_ok(child, port, aigate.health)
        return [_measure(port, what, path) for what, path in _LISTS.items()]


def _measure(port: int, what: str, path: str) -> Listed:
    times = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        answer = fetch(port, "GET", path)
        times.append((time.perf_counter() - began) * 1000)
        if answer.status != 200 or answer.body.count(b"listed/") < PAGE:
            raise Unusable(f"list, {what}: status {answer.status}, {answer.body[:300]!r}")
    listed = Listed(what, tuple(times))
    say(f"  list, {what}: p50 {listed.at(0.5):.1f} ms, p99 {listed.at(0.99):.1f} ms")
    return listed
