"""The results as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from bench.common.markdown import figure, table
from bench.common.percentiles import percentile
from bench.common.wrk import wrk_version
from bench.storage.aims import comparisons, own_aims, speed_ratio
from bench.storage.lag import Lag
from bench.storage.listing import KEYS, PAGE, Listed
from bench.storage.load import COMPARED, LARGE_CONNECTIONS, METHODS, Running
from bench.storage.memory import AT_ONCE, Flatness
from bench.storage.payloads import Payload, name_of


def _host(all_running: Sequence[Running], seconds: int, rounds: int) -> str:
    versions = {"wrk": wrk_version()}
    for running in all_running:
        versions.update(running.contender.versions())
    listed = ", ".join(f"{package} {version}" for package, version in versions.items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python "
        f"{platform.python_version()}, {listed}.\n\n"
        f"One process a contender, all on one disk and the same CPUs as the client; they take "
        f"turns with each load, and of {rounds} rounds the median counts. Small objects: `wrk "
        f"-t1`, {seconds} s; PUTs of 1 KB make new keys, those of 1 MB replace 64. Large ones: "
        f"{LARGE_CONNECTIONS} connections. aigate: keys, MD5, fsync, SQLite, access log. nginx: "
        "files by sendfile and DAV, and nothing else; it is the limit of the set-up. moto: "
        "objects in its memory. KB and MB of objects are powers of 1024, MB/s are 10^6 B/s. "
        "Memory: RSS of all processes.\n"
    )


def _small(all_running: Sequence[Running], method: str, payload: Payload) -> str:
    rows = []
    for running in all_running:
        for (loaded, size, connections), load in running.loads.items():
            if (loaded, size) == (method, payload.size):
                rows.append(
                    [
                        running.name, str(connections), figure(load.rate),
                        figure(load.rate * size / 1e6), figure(load.p50), figure(load.p99),
                        "; ".join(load.problems),
                    ]
                )  # fmt: skip
    head = ("contender", "connections", "requests/s", "MB/s", "p50, ms", "p99, ms", "problems")
    return f"### {method} of {payload.name}\n\n{table(head, rows)}"


def _large(all_running: Sequence[Running], payload: Payload) -> str:
    rows = []
    for method in METHODS:
        for running in all_running:
            done = running.transfers[method]
            took = (percentile(done.times, 0.5), max(done.times)) if done.times else (0.0, 0.0)
            rows.append(
                [
                    running.name, method, figure(done.speed / 1e6), *map(figure, took),
                    "; ".join(done.problems),
                ]
            )  # fmt: skip
    head = ("contender", "method", "MB/s", "p50, s", "longest, s", "problems")
    return f"### {payload.name} on {LARGE_CONNECTIONS} connections\n\n{table(head, rows)}"


def _ratios(running: dict[str, Running], payloads: Sequence[Payload]) -> str:
    ours = running.get("aigate")
    others = [each for each in running.values() if each is not ours]
    if ours is None or not others:
        return ""
    rows = []
    for payload in payloads:
        for method in METHODS:
            ratios = [speed_ratio(ours, other, method, payload.size) for other in others]
            texts = ["none" if ratio is None else figure(ratio) for ratio in ratios]
            rows.append([f"{method} of {payload.name}", *texts])
    head = ["measure", *(f"aigate / {other.name}" for other in others)]
    return f"### Ratios, small objects at {COMPARED} connections\n\n{table(head, rows)}"


def _resident(all_running: Sequence[Running]) -> str:
    rows = [
        [each.name, figure(each.at_rest / 1e6), figure(each.after / 1e6), "; ".join(each.problems)]
        for each in all_running
    ]
    return f"### Memory\n\n{table(('contender', 'at rest, MB', 'after, MB', 'problems'), rows)}"


def render_comparison(
    all_running: Sequence[Running],
    small: Sequence[Payload],
    large: Payload,
    missing: Sequence[str],
    seconds: int,
    rounds: int,
) -> str:
    """
    What all contenders were loaded with.

    @param missing: The contenders that were left out.
    """
    running = {each.name: each for each in all_running}
    parts = ["## Storage\n", _host(all_running, seconds, rounds)]
    if missing:
        parts.append(f"**Left out: {', '.join(missing)}.**\n")
    parts += [_small(all_running, method, payload) for payload in small for method in METHODS]
    parts += [_large(all_running, large), _ratios(running, [*small, large])]
    parts.append(_resident(all_running))
    lines = "\n".join(comparisons(running, large.size))
    parts.append(f"### Aims against others\n\n{lines}\n")
    return "\n".join(part for part in parts if part)


def render_own(lists: Sequence[Listed], flat: Flatness, lag: Lag) -> str:
    """What aigate alone was loaded with."""
    listed = [[one.what, figure(one.at(0.5)), figure(one.at(0.99))] for one in lists]
    grown = [
        [
            method, figure(done.speed / 1e6), figure(flat.peaks[method] / 1e6),
            figure((flat.peaks[method] - flat.before) / 1e6), "; ".join(done.problems),
        ]
        for method, done in flat.transfers.items()
    ]  # fmt: skip
    chats = [
        [what, *(figure(one.at(share)) for share in (0.5, 0.99, 1.0)), str(len(one.milliseconds))]
        for what, one in (("at rest", lag.idle), (f"at {lag.speed / 1e6:.0f} MB/s", lag.busy))
    ]
    growth_head = ("method", "MB/s", "peak, MB", "more than before, MB", "problems")
    chat_head = ("upload", "p50, ms", "p99, ms", "longest, ms", "chats")
    lines = "\n".join(own_aims(lists, flat, lag))
    return (
        f"### Lists of {PAGE:,} keys out of {KEYS:,}\n\n"
        f"{table(('list', 'p50, ms', 'p99, ms'), listed)}\n"
        f"### Memory while {AT_ONCE} objects of {name_of(flat.size)} go in and out at once\n\n"
        f"{table(growth_head, grown)}\n"
        f"### A chat while an upload is hashed\n\n{table(chat_head, chats)}\n"
        f"### Aims of its own\n\n{lines}\n"
    )
