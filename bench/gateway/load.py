"""Measuring one contender: start, memory, load, first chunks."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.common.console import say
from bench.common.http import wait_until_ok
from bench.common.processes import Child, Unusable, free_port
from bench.common.wrk import Load, Target, run_wrk
from bench.gateway.checks import checked_answer
from bench.gateway.contenders import KEY, Contender
from bench.gateway.first_chunk import FirstChunks, measure_first_chunks
from bench.gateway.payloads import Flavour, request_body
from bench.gateway.provider import COMPLETIONS, Provider
from bench.gateway.waiting import WAITING, callers_waiting

CONNECTIONS = (1, 16, 64)
COMPARED = 16
"""The connections at which contenders are compared."""

STREAMS = (1, 16)
LONGER = 6
"""How many times as long a load is when its connections get few answers."""

FEW = 10
"""
Answers a connection, below which a load is made longer: those that its end cuts off do not count,
and with few answers that would make a slow contender look slower than it is.
"""

_WARM_UP = 1
_WARM_UP_CONNECTIONS = 16
_WHOLE = 0.9
"""The share of a right answer's body that the mean answer under load must have."""


@dataclass
class Figures:
    """
    What was measured of a contender.

    @ivar name: Its name.
    @ivar versions: Package to version.
    @ivar starts: Seconds from start to first 200, one for each start.
    @ivar at_rest: Resident bytes before the load, when each flavour has been asked for once.
    @ivar after: Resident bytes after it.
    @ivar loads: The loads by flavour and connections.
    @ivar beside: The plain load again, while others wait for a provider that is silent.
    @ivar cpu: Its processor seconds for a request of each load.
    @ivar first_chunks: By the number of streams at once.
    @ivar problems: What was not as it should be, apart from the loads.
    """

    name: str
    versions: Mapping[str, str] = field(default_factory=dict)
    starts: list[float] = field(default_factory=list)
    at_rest: int = 0
    after: int = 0
    loads: dict[tuple[Flavour, int], Load] = field(default_factory=dict)
    beside: Load | None = None
    cpu: dict[tuple[Flavour, int], float] = field(default_factory=dict)
    first_chunks: dict[int, FirstChunks] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def start(self) -> float:
        """The median start."""
        return statistics.median(self.starts)

    def chunk_rate(self, flavour: Flavour, connections: int) -> float:
        """Chunks a second of a load."""
        return self.loads[flavour, connections].rate * flavour.chunks


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def _target(contender: Contender, port: int, flavour: Flavour) -> Target:
    headers = _headers(contender.key)
    return Target(port, "POST", contender.path(flavour), headers, request_body(flavour))


def _load(
    figures: Figures,
    contender: Contender,
    child: Child,
    port: int,
    flavour: Flavour,
    whole: int,
    seconds: int,
) -> None:
    target = _target(contender, port, flavour)
    run_wrk(target, _WARM_UP_CONNECTIONS, _WARM_UP, child.log.parent)
    for connections in CONNECTIONS:
        load, used = _timed(child, target, connections, seconds, int(whole * _WHOLE))
        if load.requests < FEW * connections:
            load, used = _timed(child, target, connections, seconds * LONGER, int(whole * _WHOLE))
        figures.loads[flavour, connections] = load
        figures.cpu[flavour, connections] = used / load.requests if load.requests else 0.0
        say(
            f"  {flavour.value:8} {connections:3} connections: {load.rate:10.1f} requests/s, "
            f"p50 {load.p50:.2f} ms, p99 {load.p99:.2f} ms {'; '.join(load.problems)}"
        )


def _load_beside(
    figures: Figures,
    contender: Contender,
    child: Child,
    port: int,
    whole: int,
    seconds: int,
) -> None:
    target = _target(contender, port, Flavour.PLAIN)
    with callers_waiting(_target(contender, port, Flavour.SILENT)) as problems:
        # Those who wait have been heard.
        child.settle()
        load = run_wrk(target, COMPARED, seconds, child.log.parent, int(whole * _WHOLE))
    figures.beside = load
    figures.problems += problems
    say(
        f"  plain beside {WAITING} who wait: {load.rate:10.1f} requests/s, "
        f"p50 {load.p50:.2f} ms, p99 {load.p99:.2f} ms {'; '.join(load.problems)}"
    )


def _timed(
    child: Child, target: Target, connections: int, seconds: int, least: int
) -> tuple[Load, float]:
    # What wrk cut off at its end may still be at work.
    child.settle()
    before = child.cpu_seconds()
    load = run_wrk(target, connections, seconds, child.log.parent, least)
    return load, child.cpu_seconds() - before


def measure(
    contender: Contender, provider: Provider, folder: Path, seconds: int, starts: int
) -> Figures:
    """
    Start a contender, measure it, end it.

    @param contender: It.
    @param provider: What it calls.
    @param folder: Where its files are made.
    @param seconds: How long each load is.
    @param starts: How often it is started; it is the last start that is loaded.
    @raise Unusable: It does not start, or its answers are wrong.
    """
    figures = Figures(contender.name, contender.versions())
    for number in range(1, starts + 1):
        port = free_port()
        with contender.start(provider, port, folder) as child:
            figures.starts.append(wait_until_ok(child, port, contender.health))
            say(f"{contender.name}: first 200 after {figures.starts[-1]:.3f} s")
            if number < starts:
                continue
            try:
                contender.prepare(port)
                _measure_running(figures, contender, child, port, provider, seconds)
            except (Unusable, OSError):
                # Whatever failed, that it has ended is the better reason.
                child.ends_within(1.0)
                child.check_alive()
                raise
    return figures


def _measure_running(
    figures: Figures,
    contender: Contender,
    child: Child,
    port: int,
    provider: Provider,
    seconds: int,
) -> None:
    headers = _headers(contender.key)
    wholes = {
        flavour: len(checked_answer(port, contender.path(flavour), headers, flavour).body)
        for flavour in provider.flavours
    }
    child.settle()
    figures.at_rest = child.resident()
    for flavour in provider.flavours:
        if flavour is not Flavour.PACED:
            _load(figures, contender, child, port, flavour, wholes[flavour], seconds)
    target = _target(contender, port, Flavour.PACED)
    for streams in STREAMS:
        child.settle()
        figures.first_chunks[streams] = measure_first_chunks(target, streams, seconds)
    child.settle()
    _load_beside(figures, contender, child, port, wholes[Flavour.PLAIN], seconds)
    child.settle()
    figures.after = child.resident()
    if child.exit_status is not None:
        figures.problems.append(f"ended under load with status {child.exit_status}")
    figures.problems += child.tracebacks()


def measure_direct(provider: Provider, folder: Path, seconds: int) -> Figures:
    """The provider itself: what a client sees with nothing in between."""
    figures = Figures("no gateway")
    folder.mkdir(parents=True, exist_ok=True)
    for flavour in provider.flavours:
        path = f"/{flavour.value}{COMPLETIONS}"
        port = provider.port_of(flavour)
        checked_answer(port, path, _headers(KEY), flavour)
        target = Target(port, "POST", path, _headers(KEY), request_body(flavour))
        if flavour is Flavour.PACED:
            for streams in STREAMS:
                figures.first_chunks[streams] = measure_first_chunks(target, streams, seconds)
        else:
            load = run_wrk(target, COMPARED, seconds, folder)
            figures.loads[flavour, COMPARED] = load
    return figures
