"""Loading the contenders, one after the other with each load, so that they see the same machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bench.common.console import say
from bench.common.processes import Child
from bench.common.wrk import Load, Target, run_wrk
from bench.storage.contenders import Contender
from bench.storage.payloads import SMALL, Payload
from bench.storage.transfer import Transfers, transfer

METHODS = ("GET", "PUT")
CONNECTIONS = (1, 16)
COMPARED = 16
"""The connections at which contenders are compared."""

LARGE_CONNECTIONS = 4
_LARGE_EACH = 2
_WARM_UP = 1
_MANY, _FEW = 1_000_000, 64
"""Over how many keys small PUTs go (all are new), and PUTs of 1 MB (they replace each other)."""

_WHOLE = 0.98
_T = TypeVar("_T")


@dataclass
class Running:
    """
    A contender that runs, and what was measured of it.

    @ivar at_rest: Resident bytes before the loads, when each object has been put and got once.
    @ivar after: Resident bytes after them.
    @ivar loads: By method, size and connections.
    @ivar transfers: Of large objects, by method.
    @ivar problems: What was not as it should be, apart from the loads.
    """

    contender: Contender
    child: Child
    port: int
    at_rest: int = 0
    after: int = 0
    loads: dict[tuple[str, int, int], Load] = field(default_factory=dict)
    transfers: dict[str, Transfers] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name."""
        return self.contender.name


def _median(found: Sequence[_T], key: Callable[[_T], float]) -> _T:
    return sorted(found, key=key)[len(found) // 2]


def _quiet(running: Running) -> None:
    running.child.check_alive()
    # What the load before has written would be flushed at this one's cost.
    os.sync()
    running.child.settle()


def _target(running: Running, method: str, payload: Payload, number: int) -> Target:
    contender, headers = running.contender, running.contender.headers
    if method == "GET":
        return Target(running.port, "GET", f"{contender.base}get/{payload.size}", headers)
    paths = _MANY if payload.size == SMALL else _FEW
    prefix = f"{contender.base}put/{payload.size}/{number if paths == _MANY else 0}-"
    return Target(running.port, "PUT", prefix, headers, body_file=payload.path, paths=paths)


def _say(running: Running, what: str, rate: float, problems: Sequence[str]) -> None:
    say(f"  {running.name:8} {what:32} {rate:10,.1f} /s {'; '.join(problems)}")


def load_small(
    all_running: Sequence[Running], payloads: Sequence[Payload], seconds: int, rounds: int
) -> None:
    """
    Load with objects that wrk can send; of some rounds the median counts.

    @raise Unusable: wrk itself failed.
    """
    number = 0
    for payload in payloads:
        for method in METHODS:
            for running in all_running:
                number += 1
                target = _target(running, method, payload, number)
                run_wrk(target, COMPARED, _WARM_UP, running.child.log.parent)
            for connections in CONNECTIONS:
                found: Mapping[str, list[Load]] = {running.name: [] for running in all_running}
                for running in [*all_running] * rounds:
                    _quiet(running)
                    number += 1
                    target = _target(running, method, payload, number)
                    least = int(payload.size * _WHOLE) if method == "GET" else 0
                    folder = running.child.log.parent
                    load = run_wrk(target, connections, seconds, folder, least)
                    found[running.name].append(load)
                    what = f"{method} {payload.name}, {connections} connections"
                    _say(running, what, load.rate, load.problems)
                for running in all_running:
                    median = _median(found[running.name], lambda load: load.rate)
                    running.loads[method, payload.size, connections] = median


def load_large(all_running: Sequence[Running], payload: Payload, rounds: int) -> None:
    """Put and get large objects; of some rounds the median counts."""
    for method in reversed(METHODS):
        found: Mapping[str, list[Transfers]] = {running.name: [] for running in all_running}
        for running in [*all_running] * rounds:
            _quiet(running)
            contender = running.contender
            done = transfer(
                running.port, method, f"{contender.base}large/{{}}".format, contender.headers,
                payload, LARGE_CONNECTIONS, _LARGE_EACH,
            )  # fmt: skip
            found[running.name].append(done)
            what = f"{method} {payload.name}, MB"
            _say(running, what, done.speed / 1e6, done.problems)
        for running in all_running:
            median = _median(found[running.name], lambda done: done.speed)
            running.transfers[method] = median


def look_for_trouble(running: Running) -> None:
    """
    See whether it still runs, and what it has logged.

    @raise Unusable: It has ended.
    """
    child = running.child
    child.ends_within(0.5)
    child.check_alive()
    running.problems += child.tracebacks()
