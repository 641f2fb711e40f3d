"""How long a line takes from the CLI to a client."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.claudebox.by_hand import ByHand, Start
from bench.claudebox.server import Server
from bench.claudebox.stand_in import prompt
from bench.common.console import say
from bench.common.percentiles import percentile
from bench.common.processes import Unusable

LINES = 200
APART = 0.02
_SIZE = 200
_BEFORE = 1.0
"""Seconds that the stand-in waits, so that the client is there when the first line is written."""

_DATA = b"data: "


@dataclass
class Delays:
    """
    What lines took.

    @ivar what: Which way they came.
    @ivar milliseconds: Of each line.
    """

    what: str
    milliseconds: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The percentile."""
        return percentile(self.milliseconds, share)


def followed(server: Server, run_id: str) -> Iterator[bytes]:
    """
    The data of a run's events, as they come.

    @raise Unusable: They cannot be had.
    """
    try:
        response = server.ask("GET", f"/claudebox/run/events?runId={run_id}")
        if response.status != 200:
            raise Unusable(f"GET /claudebox/run/events: status {response.status}")
        with response:
            while line := response.readline():
                if line.startswith(_DATA):
                    yield line.removeprefix(_DATA)
    except (OSError, http.client.HTTPException) as error:
        raise Unusable(f"GET /claudebox/run/events: {error!r}") from None


def _delays(lines: Iterator[bytes]) -> list[float]:
    found = []
    for line in lines:
        now = time.monotonic_ns()
        written = json.loads(line).get("at")
        if written is not None:
            found.append((now - written) / 1e6)
    if len(found) != LINES:
        raise Unusable(f"{len(found)} lines came, and not {LINES}")
    return found


def measure_events(server: Server, start: Start, folder: Path, rounds: int) -> list[Delays]:
    """
    Follow runs, and read what the CLI prints by hand through a pipe, in turn.

    @param start: How the CLI is started.
    @param folder: Where it is run by hand.
    @raise Unusable: Lines are missing.
    """
    hand = ByHand(start, server.binary, folder)
    piped, served = Delays("a pipe, by hand"), Delays("`/run/events`")
    text = prompt(LINES, _SIZE, APART, _BEFORE)
    for number in range(rounds):
        name = f"round-{number}"
        piped.milliseconds += _delays(hand.lines(text, name))
        began = server.run(prompt=text, workspace=name, **{"async": True})
        served.milliseconds += _delays(followed(server, began["runId"]))
    for delays in (piped, served):
        say(f"  {delays.what}: p50 {delays.at(0.5):.2f} ms, p99 {delays.at(0.99):.2f} ms")
    return [piped, served]
