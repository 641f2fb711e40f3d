"""The project's aims for the gateway, and whether what was measured reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bench.gateway.load import COMPARED, Figures
from bench.gateway.payloads import Flavour
from bench.gateway.waiting import WAITING

_RATE = 20.0
_LATENCY = 1 / 20
_CHUNKS = 10.0
_START = 1.0
_UNCHANGED = 1.25
"""What one p99 is of the next when nothing has changed, on a machine with its load on two CPUs."""
_RESIDENT = 90e6
_CACHE_HIT = 0.0003


def _line(holds: bool, what: str, aim: str) -> str:
    return f"- **{'holds' if holds else 'DOES NOT HOLD'}**: {what} (aim: {aim})"


def stream_flavours(figures: Figures) -> list[Flavour]:
    """The flavours of stream that a contender was loaded with."""
    return [flavour for flavour, at in figures.loads if at == COMPARED and flavour.streams]


def _against_litellm(aigate: Figures, litellm: Figures) -> Iterator[str]:
    plain = (Flavour.PLAIN, COMPARED)
    ours, theirs = aigate.loads[plain], litellm.loads[plain]
    if theirs.rate and theirs.p50:
        ratio = ours.rate / theirs.rate
        yield _line(
            ratio >= _RATE and not ours.problems,
            f"{aigate.name}: {ratio:.1f} times LiteLLM's requests/s at {COMPARED} connections",
            f"at least {_RATE:g} times",
        )
        share = ours.p50 / theirs.p50
        yield _line(
            share <= _LATENCY and not ours.problems,
            f"{aigate.name}: p50 at {COMPARED} connections is 1/{1 / share:.1f} of LiteLLM's",
            f"at most 1/{1 / _LATENCY:g}",
        )
    for flavour in stream_flavours(litellm):
        chunks = litellm.chunk_rate(flavour, COMPARED)
        if not chunks:
            yield f"- **NOT MEASURED**: LiteLLM ended no stream ({flavour.value})"
            continue
        ratio = aigate.chunk_rate(flavour, COMPARED) / chunks
        yield _line(
            ratio >= _CHUNKS and not aigate.loads[flavour, COMPARED].problems,
            f"{aigate.name}: {ratio:.1f} times LiteLLM's chunks/s at {COMPARED} connections, "
            f"{flavour.value} streams",
            f"at least {_CHUNKS:g} times",
        )


def aims(measured: Mapping[str, Figures]) -> Iterator[str]:
    """
    A line for each aim.

    @param measured: The contenders that were measured, by name; aigate is one.
    """
    aigate, litellm = measured["aigate"], measured.get("LiteLLM")
    if litellm is None:
        yield "- **NOT MEASURED**: aims against LiteLLM, which was left out"
    else:
        for name in ("aigate", "aigate, all on"):
            if name in measured:
                yield from _against_litellm(measured[name], litellm)
    if "aigate, cached" in measured:
        used = measured["aigate, cached"].cpu[Flavour.PLAIN, COMPARED]
        yield _line(
            used < _CACHE_HIT,
            f"{used * 1000:.2f} ms of CPU for an answer out of the cache",
            f"less than {_CACHE_HIT * 1000:g} ms",
        )
    if aigate.beside is not None and aigate.beside.requests:
        alone = aigate.loads[Flavour.PLAIN, COMPARED]
        share = aigate.beside.p99 / alone.p99
        yield _line(
            share <= _UNCHANGED and not aigate.beside.problems,
            f"p99 beside {WAITING} who wait for a silent provider is {share:.2f} of that alone",
            f"at most {_UNCHANGED:g}",
        )
    yield _line(
        aigate.start <= _START,
        f"first 200 {aigate.start:.2f} s after its start",
        f"at most {_START:g} s",
    )
    yield _line(
        aigate.at_rest < _RESIDENT,
        f"{aigate.at_rest / 1e6:.1f} MB resident at rest",
        f"less than {_RESIDENT / 1e6:g} MB",
    )
