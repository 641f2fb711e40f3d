"""The results as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from bench.common.markdown import figure, table
from bench.common.wrk import wrk_version
from bench.gateway.aims import aims, stream_flavours
from bench.gateway.first_chunk import percentile
from bench.gateway.load import COMPARED, FEW, LONGER, Figures
from bench.gateway.payloads import CHUNKS, PACE, PACED_CHUNKS, Flavour
from bench.gateway.provider import DEPLOYMENTS
from bench.gateway.waiting import WAITING

_TITLES = {
    Flavour.PLAIN: "Chat completions, not streamed",
    Flavour.BURST: f"Streams of {CHUNKS} chunks that the provider sends with one write",
    Flavour.FLUSHED: f"Streams of {CHUNKS} chunks that the provider sends with a write each",
}


def _host(seconds: int, starts: int, all_figures: Sequence[Figures]) -> str:
    versions = {"wrk": wrk_version()}
    for figures in all_figures:
        versions.update(figures.versions)
    listed = ", ".join(f"{package} {version}" for package, version in versions.items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python "
        f"{platform.python_version()}, {listed}.\n\n"
        "One process a contender, each alone with a provider that answers at once and with "
        f"`wrk -t1`, {seconds} s a load ({seconds * LONGER} s where that gave fewer than {FEW} "
        "answers a connection), all on the same CPUs. aigate: master key, spend, rate limit, "
        "access log; all on: a virtual key with a budget and limits, spend in PostgreSQL; cached: "
        "answers from memory. LiteLLM: one worker, a master key, no database, its access log off. "
        f"Both: {DEPLOYMENTS} deployments, with limits, for what is not streamed. nginx: passes "
        "on, and nothing else; it is the limit of the set-up. "
        f"Start: median of {starts}. Memory: RSS of all processes of the contender.\n"
    )


def _starts(all_figures: Sequence[Figures]) -> str:
    rows = [
        [
            each.name,
            figure(each.start),
            figure(each.at_rest / 1e6),
            figure(each.after / 1e6),
            "; ".join(each.problems),
        ]
        for each in all_figures
    ]
    head = ("contender", "start to first 200, s", "at rest, MB", "after load, MB", "problems")
    return f"### Start and memory\n\n{table(head, rows)}"


def _loads(flavour: Flavour, all_figures: Sequence[Figures]) -> str:
    rows = []
    for figures in all_figures:
        for (loaded, connections), load in figures.loads.items():
            if loaded is not flavour:
                continue
            chunks = [figure(load.rate * flavour.chunks)] if flavour.streams else []
            latencies = [figure(load.p50), figure(load.p99)] if load.requests else ["none"] * 2
            cpu = figures.cpu.get((loaded, connections), 0.0)
            rows.append(
                [
                    figures.name,
                    str(connections),
                    figure(load.rate),
                    *chunks,
                    *latencies,
                    figure(cpu * 1000) if cpu else "",
                    "; ".join(load.problems),
                ]
            )
    chunks = ["chunks/s"] if flavour.streams else []
    head = ["contender", "connections", "requests/s", *chunks, "p50, ms", "p99, ms"]
    head += ["CPU a request, ms", "problems"]
    return f"### {_TITLES[flavour]}\n\n{table(head, rows)}"


def _beside(all_figures: Sequence[Figures]) -> str:
    rows = []
    for figures in all_figures:
        alone = figures.loads.get((Flavour.PLAIN, COMPARED))
        loads = (("nobody", alone), (f"{WAITING} who wait", figures.beside))
        for beside, load in loads if figures.beside is not None else ():
            if load is not None:
                latencies = [figure(load.p50), figure(load.p99)] if load.requests else ["none"] * 2
                problems = "; ".join(load.problems)
                rows.append([figures.name, beside, figure(load.rate), *latencies, problems])
    head = ("contender", "beside", "requests/s", "p50, ms", "p99, ms", "problems")
    return (
        "### Beside a provider that is silent\n\nChat completions, not streamed, at "
        f"{COMPARED} connections, while {WAITING} others wait for another provider's answer, which "
        f"does not come.\n\n{table(head, rows)}"
    )


def _first_chunks(all_figures: Sequence[Figures]) -> str:
    rows = []
    for each in all_figures:
        for streams, seen in each.first_chunks.items():
            values = [
                figure(percentile(seen.delays, share)) if seen.delays else "none"
                for share in (0.5, 0.99)
            ]
            rows.append(
                [each.name, str(streams), *values, str(len(seen.delays)), "; ".join(seen.problems)]
            )
    head = ("contender", "streams at once", "p50, ms", "p99, ms", "streams", "problems")
    return (
        f"### Time to first chunk\n\nThe provider sends the first of {PACED_CHUNKS} chunks at once "
        f"and each other {PACE * 1000:g} ms later.\n\n{table(head, rows)}"
    )


def _measures(figures: Figures) -> Iterator[tuple[str, float]]:
    plain = figures.loads[Flavour.PLAIN, COMPARED]
    yield "requests/s", plain.rate
    yield "p50", plain.p50
    for flavour in stream_flavours(figures):
        yield f"chunks/s, {flavour.value}", figures.chunk_rate(flavour, COMPARED)
    for streams, seen in figures.first_chunks.items():
        if seen.delays:
            yield f"first chunk p50, {streams} at once", percentile(seen.delays, 0.5)
    yield "resident at rest", figures.at_rest
    yield "start to first 200", figures.start


def _ratios(aigate: Figures, others: Sequence[Figures]) -> str:
    theirs = [dict(_measures(other)) for other in others]
    rows = [
        [what, *(figure(ours / each[what]) if each.get(what) else "none" for each in theirs)]
        for what, ours in _measures(aigate)
    ]
    head = ["measure", *(f"aigate / {other.name}" for other in others)]
    return f"### Ratios, loads at {COMPARED} connections\n\n{table(head, rows)}"


def render(
    all_figures: Sequence[Figures],
    direct: Figures,
    missing: Sequence[str],
    seconds: int,
    starts: int,
) -> str:
    """
    All of it.

    @param all_figures: The contenders that were measured.
    @param direct: What was measured with nothing in between.
    @param missing: The contenders that were left out.
    @param seconds: How long each load was.
    @param starts: How often each contender was started.
    """
    by_name = {figures.name: figures for figures in all_figures}
    flavours = [flavour for flavour in _TITLES if (flavour, COMPARED) in direct.loads]
    parts = ["## Gateway\n", _host(seconds, starts, all_figures)]
    if missing:
        parts.append(f"**Left out: {', '.join(missing)}.**\n")
    parts.append(_starts(all_figures))
    parts += [_loads(flavour, [direct, *all_figures]) for flavour in flavours]
    parts.append(_beside(all_figures))
    parts.append(_first_chunks([direct, *all_figures]))
    aigate = by_name.get("aigate")
    if aigate is not None:
        others = [each for each in all_figures if each is not aigate]
        if others:
            parts.append(_ratios(aigate, others))
        parts.append("### Aims\n\n" + "\n".join(aims(by_name)) + "\n")
    return "\n".join(parts)
