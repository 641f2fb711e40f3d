"""The project's aims for Claude Code as an API, and whether what was measured reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claudebox.events import Delays
from bench.claudebox.files import COMPARED, METHODS, Tree
from bench.claudebox.memory import TRANSCRIPT, Reading
from bench.claudebox.overhead import Overhead
from bench.common.markdown import aim_line
from bench.common.percentiles import percentile
from bench.storage.payloads import LARGE, MIDDLE, name_of

_OVERHEAD = 30.0
_DELAY = 5.0
_GROWTH = 40e6
_AS_FAST = 0.95
"""Of storage's speed, and still as fast: between loads that are alike noise makes 5 %."""


def overhead_aim(real: Overhead) -> Iterator[str]:
    """The aim for C{POST /run}, with the real Claude Code."""
    more = percentile(real.more, 0.5)
    yield aim_line(
        more < _OVERHEAD,
        f"`POST /claudebox/run` takes {more:.1f} ms more than Claude Code by hand (p50 of "
        f"{len(real.more)} pairs)",
        f"under {_OVERHEAD:g} ms",
    )


def events_aim(served: Delays) -> Iterator[str]:
    """The aim for C{/run/events}."""
    yield aim_line(
        served.at(0.5) <= _DELAY,
        f"a line is with who follows `/run/events` after {served.at(0.5):.2f} ms (p50)",
        f"within {_DELAY:g} ms",
    )


def memory_aim(readings: Sequence[Reading]) -> Iterator[str]:
    """The aim for memory."""
    for reading in readings:
        yield aim_line(
            reading.growth < _GROWTH,
            f"{reading.growth / 1e6:.1f} MB more while {TRANSCRIPT / 1e6:g} MB are printed and "
            f"read as {reading.what}",
            f"under {_GROWTH / 1e6:g} MB",
        )


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios: the two of a round have seen the same machine."""
    ratios = [our / their if their else 0.0 for our, their in zip(ours, theirs, strict=True)]
    return percentile(ratios, 0.5)


def file_ratios(trees: Sequence[Tree]) -> Iterator[tuple[str, float, bool]]:
    """Our bytes a second of storage's, by what was done, and whether all went well."""
    ours, theirs = trees
    for method in METHODS:
        loads = ours.loads[method, COMPARED]
        others = theirs.loads[method, COMPARED]
        ratio = _ratio([load.rate for load in loads], [load.rate for load in others])
        yield f"{method} of {name_of(MIDDLE)}", ratio, not any(load.problems for load in loads)
    for method in METHODS:
        moved = ours.transfers[method]
        ratio = _ratio([d.speed for d in moved], [d.speed for d in theirs.transfers[method]])
        yield f"{method} of {name_of(LARGE)}", ratio, not any(done.problems for done in moved)


def files_aim(trees: Sequence[Tree]) -> Iterator[str]:
    """The aim for files."""
    for what, ratio, sound in file_ratios(trees):
        yield aim_line(
            ratio >= _AS_FAST and sound,
            f"{what} at {ratio:.2f} of storage's MB/s",
            f"as fast; {1 - _AS_FAST:.0%} are noise",
        )
