"""The results as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.claudebox.aims import events_aim, file_ratios, files_aim, memory_aim, overhead_aim
from bench.claudebox.events import APART, Delays
from bench.claudebox.files import COMPARED, LARGE_CONNECTIONS, Tree
from bench.claudebox.memory import TRANSCRIPT, Reading
from bench.claudebox.overhead import Overhead
from bench.common.markdown import figure, table
from bench.common.percentiles import percentile
from bench.common.venv import our_versions
from bench.common.wrk import wrk_version
from bench.storage.payloads import LARGE, MIDDLE, name_of

_MIDDLE_HEAD = ("tree", "method", "connections", "MB/s", "p50, ms", "p99, ms", "problems")
_LARGE_HEAD = ("tree", "method", "MB/s", "p50, s", "longest, s", "problems")


@dataclass
class Measured:
    """
    What was measured; what was not is C{None}.

    @ivar claude_code: The version of Claude Code.
    @ivar overheads: With the real Claude Code, and with the stand-in.
    @ivar delays: Through a pipe, and as events.
    @ivar readings: Of long transcripts.
    @ivar trees: Claudebox's files, and storage's.
    @ivar problems: What the servers have logged.
    """

    claude_code: str
    overheads: tuple[Overhead, Overhead] | None = None
    delays: Sequence[Delays] | None = None
    readings: Sequence[Reading] | None = None
    trees: Sequence[Tree] | None = None
    problems: Sequence[str] = ()


def _host(measured: Measured, seconds: int, rounds: int) -> str:
    versions = {"Claude Code": measured.claude_code, "wrk": wrk_version()}
    versions.update(our_versions(("aigate", "Twisted", "httptools", "SQLAlchemy")))
    listed = ", ".join(f"{package} {version}" for package, version in versions.items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python "
        f"{platform.python_version()}, {listed}.\n\n"
        "Servers, clients and Claude Code share the CPUs. Claude Code asks a server on loopback "
        "that answers at once. By hand: the same arguments, environment and kind of files, a home "
        "and a configuration of its own. The stand-in is a small program in Claude Code's place. "
        f"Files: `wrk -t1`, {seconds} s, for {name_of(MIDDLE)} (PUTs replace 64), "
        f"{LARGE_CONNECTIONS} connections for {name_of(LARGE)}; the trees take turns, and of "
        f"{rounds} rounds the median counts. Storage hashes what it takes and has it on the disk "
        "(fsync) before it answers; files of workspaces are written without either. MB of files "
        "are powers of 1024, MB/s are 10^6 B/s. Memory: RSS of the server.\n"
    )


def _overheads(overheads: Sequence[Overhead]) -> str:
    rows = [
        [
            each.what,
            *(figure(percentile(v, p)) for p in (0.1, 0.5) for v in (each.by_hand, each.by_api)),
            *(figure(percentile(each.more, share)) for share in (0.25, 0.5, 0.75)),
            figure(percentile(each.by_api, 0.5) / percentile(each.by_hand, 0.5)),
        ]
        for each in overheads
    ]  # fmt: skip
    head = (
        "what", "by hand, p10, ms", "API, p10, ms", "by hand, p50, ms", "API, p50, ms",
        "more, p25, ms", "more, p50, ms", "more, p75, ms", "ratio of p50",
    )  # fmt: skip
    return (
        f"### A run, and the same by hand, in {len(overheads[0].more)} pairs\n\n"
        "API: `POST /claudebox/run`. More: the difference of the two of a pair. Each run is a new "
        "session in a new workspace."
        f"\n\n{table(head, rows)}"
    )


def _delays(delays: Sequence[Delays]) -> str:
    rows = [
        [
            each.what, *(figure(each.at(share)) for share in (0.5, 0.99, 1.0)),
            str(len(each.milliseconds)),
        ]
        for each in delays
    ]  # fmt: skip
    head = ("way", "p50, ms", "p99, ms", "longest, ms", "lines")
    return (
        "### From the CLI's line to its client\n\n"
        f"The stand-in writes a line each {APART * 1000:g} ms, with the time in it.\n\n"
        f"{table(head, rows)}"
    )


def _readings(readings: Sequence[Reading]) -> str:
    rows = [
        [
            each.what, figure(each.received / 1e6), figure(each.before / 1e6),
            figure(each.peak / 1e6), figure(each.growth / 1e6),
        ]
        for each in readings
    ]  # fmt: skip
    head = ("read as", "received, MB", "at rest, MB", "peak, MB", "more, MB")
    title = f"### Memory while a run prints {TRANSCRIPT / 1e6:g} MB that a client reads"
    return f"{title}\n\n{table(head, rows)}"


def _middle(trees: Sequence[Tree]) -> str:
    rows = []
    for tree in trees:
        for (method, connections), loads in tree.loads.items():
            load = sorted(loads, key=lambda load: load.rate)[len(loads) // 2]
            rows.append(
                [
                    tree.name, method, str(connections), figure(load.rate * MIDDLE / 1e6),
                    figure(load.p50), figure(load.p99), "; ".join(load.problems),
                ]
            )  # fmt: skip
    return f"### Files of {name_of(MIDDLE)}\n\n{table(_MIDDLE_HEAD, rows)}"


def _large(trees: Sequence[Tree]) -> str:
    rows = []
    for tree in trees:
        for method, rounds in tree.transfers.items():
            done = sorted(rounds, key=lambda done: done.speed)[len(rounds) // 2]
            took = (percentile(done.times, 0.5), max(done.times)) if done.times else (0.0, 0.0)
            rows.append(
                [
                    tree.name, method, figure(done.speed / 1e6), *map(figure, took),
                    "; ".join(done.problems),
                ]
            )  # fmt: skip
    return (
        f"### Files of {name_of(LARGE)} on {LARGE_CONNECTIONS} connections\n\n"
        f"{table(_LARGE_HEAD, rows)}"
    )


def _file_ratios(trees: Sequence[Tree]) -> str:
    rows = [[what, figure(ratio)] for what, ratio, _ in file_ratios(trees)]
    head = ("measure", "files / storage")
    return (
        f"### Ratios, {name_of(MIDDLE)} at {COMPARED} connections\n\n"
        f"The median of the rounds' ratios.\n\n{table(head, rows)}"
    )


def _parts(measured: Measured) -> Iterator[str]:
    if measured.overheads is not None:
        yield _overheads(measured.overheads)
    if measured.delays is not None:
        yield _delays(measured.delays)
    if measured.readings is not None:
        yield _readings(measured.readings)
    if measured.trees is not None:
        yield _middle(measured.trees)
        yield _large(measured.trees)
        yield _file_ratios(measured.trees)


def _aims(measured: Measured) -> Iterator[str]:
    if measured.overheads is not None:
        yield from overhead_aim(measured.overheads[0])
    if measured.delays is not None:
        yield from events_aim(measured.delays[1])
    if measured.readings is not None:
        yield from memory_aim(measured.readings)
    if measured.trees is not None:
        yield from files_aim(measured.trees)


def render(measured: Measured, seconds: int, rounds: int) -> str:
    """
    All of it.

    @param seconds: How long each load with files was.
    @param rounds: The median of how many counted.
    """
    parts = ["## Claude Code\n", _host(measured, seconds, rounds), *_parts(measured)]
    if measured.problems:
        parts.append(f"**Problems: {'; '.join(measured.problems)}.**\n")
    return "\n".join([*parts, "### Aims\n\n" + "\n".join(_aims(measured)) + "\n"])
