"""Whether memory stays flat while a run prints a long transcript and a client reads it."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from dataclasses import dataclass

from bench.claudebox.events import followed
from bench.claudebox.server import Server
from bench.claudebox.stand_in import prompt
from bench.common.console import say
from bench.common.processes import Unusable
from bench.common.watch import Watch

TRANSCRIPT = 200_000_000
_LINE = 4096
_PIECE = 1024 * 1024
_WARM_UP = 20


@dataclass(frozen=True)
class Reading:
    """
    A long transcript that was printed and read.

    @ivar what: How it was read.
    @ivar received: How many bytes came.
    @ivar before: Resident bytes before.
    @ivar peak: The most resident bytes meanwhile.
    """

    what: str
    received: int
    before: int
    peak: int

    @property
    def growth(self) -> int:
        """How many more they were."""
        return self.peak - self.before


def _verbose(server: Server, count: int) -> int:
    run = {
        "prompt": prompt(count, _LINE),
        "workspace": "verbose",
        "noContinue": True,
        "outputFormat": "json-verbose",
    }
    received, end = 0, b""
    try:
        with server.ask("POST", "/claudebox/run", run) as response:
            while piece := response.read(_PIECE):
                received += len(piece)
                end = (end + piece)[-2:]
            if response.status != 200 or end != b"]}":
                raise Unusable(f"json-verbose: status {response.status}, ends with {end!r}")
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"json-verbose: {error!r}") from None
    return received


def _events(server: Server, count: int) -> int:
    text = prompt(count, _LINE)
    began = server.run(prompt=text, workspace="events", noContinue=True, **{"async": True})
    return sum(len(data) for data in followed(server, began["runId"]))


_WAYS: dict[str, Callable[[Server, int], int]] = {
    "`json-verbose`": _verbose,
    "`/run/events`": _events,
}


def measure_memory(server: Server) -> list[Reading]:
    """
    Have long transcripts printed, and read.

    @raise Unusable: Some of it does not come.
    """
    found = []
    for what, read in _WAYS.items():
        # All of its threads and buffers are there before it counts.
        read(server, _WARM_UP)
        server.child.settle()
        before = server.child.resident()
        with Watch(server.child) as watch:
            received = read(server, TRANSCRIPT // _LINE)
        if received < TRANSCRIPT - _LINE:
            raise Unusable(f"{what}: only {received:,} bytes came")
        found.append(Reading(what, received, before, watch.peak))
        say(f"  {what}: {received / 1e6:,.0f} MB read, {found[-1].growth / 1e6:+.1f} MB")
    return found
