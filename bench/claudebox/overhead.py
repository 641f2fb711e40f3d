"""What a run costs over running the CLI by hand: both in turn, in pairs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.claudebox.by_hand import ByHand, Start
from bench.claudebox.server import Server
from bench.claudebox.stand_in import prompt
from bench.common.console import say
from bench.common.percentiles import percentile

_WARM_UP = 2


@dataclass
class Overhead:
    """
    Pairs of runs.

    @ivar what: What was run.
    @ivar by_hand: Milliseconds by hand.
    @ivar by_api: Milliseconds of C{POST /run}.
    """

    what: str
    by_hand: list[float] = field(default_factory=list)
    by_api: list[float] = field(default_factory=list)

    @property
    def more(self) -> list[float]:
        """Milliseconds that C{POST /run} took longer, pair by pair."""
        return [api - hand for hand, api in zip(self.by_hand, self.by_api, strict=True)]


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measure_overhead(
    what: str, server: Server, start: Start, folder: Path, text: str, pairs: int
) -> Overhead:
    """
    Run the CLI by hand and through the API, each time in a new session and a new workspace.

    @param what: What is run.
    @param start: How it is started.
    @param folder: Where it is run by hand.
    @param text: The prompt.
    @raise Unusable: A run fails.
    """
    hand = ByHand(start, server.binary, folder)
    found = Overhead(what)

    def by_hand(name: str) -> None:
        found.by_hand.append(_milliseconds(lambda: hand.run(text, name)))

    def by_api(name: str) -> None:
        run = {"prompt": text, "workspace": name, "noContinue": True}
        found.by_api.append(_milliseconds(lambda: server.run(**run)))

    for number in range(_WARM_UP + pairs):
        # Who goes first changes, so that what one leaves behind slows down both alike.
        for way in (by_hand, by_api) if number % 2 else (by_api, by_hand):
            way(f"pair-{number}")
    del found.by_hand[:_WARM_UP], found.by_api[:_WARM_UP]
    say(
        f"  {what}: {percentile(found.by_hand, 0.5):.1f} ms by hand, "
        f"{percentile(found.by_api, 0.5):.1f} ms by API, {percentile(found.more, 0.5):+.1f} ms"
    )
    return found


def nothing() -> str:
    """The prompt at which the stand-in ends at once."""
    return prompt(1)
