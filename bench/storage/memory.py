"""Whether memory stays flat while large objects go in and out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.common.console import say
from bench.common.processes import Child
from bench.common.watch import Watch
from bench.storage.contenders import Contender
from bench.storage.payloads import MB, Payload, make_payload
from bench.storage.transfer import Transfers, transfer

AT_ONCE = 8


@dataclass
class Flatness:
    """
    Memory while large objects go in and out.

    @ivar size: Bytes of each of them.
    @ivar before: Resident bytes before.
    @ivar peaks: The most resident bytes, by method.
    @ivar transfers: What came of the transfers, by method.
    """

    size: int
    before: int
    peaks: dict[str, int] = field(default_factory=dict)
    transfers: dict[str, Transfers] = field(default_factory=dict)

    @property
    def growth(self) -> int:
        """The most that it was above what it was before."""
        return max(self.peaks.values()) - self.before

    @property
    def problems(self) -> list[str]:
        """What was not as it should be."""
        return [problem for one in self.transfers.values() for problem in one.problems]


def measure_flatness(contender: Contender, child: Child, port: int, payload: Payload) -> Flatness:
    """Put eight large objects at once, and get them at once, and watch memory meanwhile."""
    headers: Mapping[str, str] = contender.headers
    path_of = f"{contender.base}flat/{{}}".format
    warm = make_payload(payload.path.parent, MB)
    for method in ("PUT", "GET"):
        # All of its threads and buffers are there before it counts.
        transfer(port, method, path_of, headers, warm, AT_ONCE, 4)
    child.settle()
    found = Flatness(payload.size, child.resident())
    for method in ("PUT", "GET"):
        with Watch(child) as watch:
            done = transfer(port, method, path_of, headers, payload, AT_ONCE, 1)
        found.transfers[method], found.peaks[method] = done, watch.peak
        say(
            f"  {AT_ONCE} x {payload.name} {method}: {done.speed / 1e6:,.0f} MB/s, "
            f"{(watch.peak - found.before) / 1e6:+.1f} MB {'; '.join(done.problems)}"
        )
    return found
