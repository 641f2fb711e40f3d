"""The project's aims for storage, and whether what was measured reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.common.markdown import aim_line
from bench.storage.lag import Lag
from bench.storage.listing import Listed
from bench.storage.load import COMPARED, METHODS, Running
from bench.storage.memory import AT_ONCE, Flatness
from bench.storage.payloads import MIDDLE, SMALL, name_of

_OF_NGINX = {"GET": 1 / 2, "PUT": 1 / 3}
_TIMES_MOTO = 5.0
_LIST = 50.0
_GROWTH = 40e6
_P50_MOVES = 1.0
_P99_MOVES = 10.0
"""Milliseconds that a chat's latency may move and still count as not moved: noise is that much."""


def speed_ratio(ours: Running, theirs: Running, method: str, size: int) -> float | None:
    """Our bytes a second, of theirs; C{None}: there is none to compare with."""
    key = (method, size, COMPARED)
    if key in ours.loads:
        rates = ours.loads[key].rate, theirs.loads[key].rate
    elif method in ours.transfers:
        rates = ours.transfers[method].speed, theirs.transfers[method].speed
    else:
        return None
    return rates[0] / rates[1] if rates[1] else None


def _sound(running: Running, method: str, size: int) -> bool:
    load = running.loads.get((method, size, COMPARED))
    return not (running.transfers[method].problems if load is None else load.problems)


def _against_nginx(ours: Running, nginx: Running, large: int) -> Iterator[str]:
    for method in METHODS:
        for size in (MIDDLE, large):
            ratio = speed_ratio(ours, nginx, method, size)
            if ratio is None:
                continue
            sync = " with fsync" if method == "PUT" else ""
            yield aim_line(
                ratio >= _OF_NGINX[method] and _sound(ours, method, size),
                f"{method} of {name_of(size)}{sync} at {ratio:.2f} of nginx's MB/s",
                f"at least {_OF_NGINX[method]:.2f}",
            )


def _against_moto(ours: Running, moto: Running) -> Iterator[str]:
    for method in METHODS:
        ratio = speed_ratio(ours, moto, method, SMALL)
        if ratio is not None:
            yield aim_line(
                ratio >= _TIMES_MOTO and _sound(ours, method, SMALL),
                f"{method} of {name_of(SMALL)} at {ratio:.1f} times moto's requests/s",
                f"at least {_TIMES_MOTO:g} times",
            )


def comparisons(running: dict[str, Running], large: int) -> Iterator[str]:
    """A line for each aim that others set."""
    ours = running.get("aigate")
    for name in ("nginx", "moto"):
        theirs = running.get(name)
        if ours is None or theirs is None:
            yield f"- **NOT MEASURED**: aims against {name}"
        elif name == "nginx":
            yield from _against_nginx(ours, theirs, large)
        else:
            yield from _against_moto(ours, theirs)


def own_aims(lists: Sequence[Listed], flat: Flatness, lag: Lag) -> Iterator[str]:
    """A line for each aim that aigate sets itself."""
    slowest = max(lists, key=lambda listed: listed.at(0.5))
    yield aim_line(
        slowest.at(0.5) < _LIST,
        f"a list of 1,000 keys out of 100,000 in {slowest.at(0.5):.1f} ms ({slowest.what}, p50)",
        f"under {_LIST:g} ms",
    )
    yield aim_line(
        flat.growth < _GROWTH and not flat.problems,
        f"{flat.growth / 1e6:.1f} MB more while {AT_ONCE} objects of {name_of(flat.size)} go in "
        "and out",
        f"under {_GROWTH / 1e6:g} MB",
    )
    for share, most in ((0.5, _P50_MOVES), (0.99, _P99_MOVES)):
        idle, busy = lag.idle.at(share), lag.busy.at(share)
        yield aim_line(
            busy - idle <= most and not lag.busy.problems,
            f"p{share * 100:g} of a chat {idle:.2f} ms at rest, {busy:.2f} ms while an upload is "
            "hashed",
            f"at most {most:g} ms more",
        )
