"""What an action costs beside selenium's own command, and a script beside single requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from selenium.webdriver import Chrome

from bench.browser.server import Server
from bench.common.console import say
from bench.common.percentiles import percentile

_WARM_UP = 5
_STEPS = 10
_TEXT = "return document.body.innerText"


@dataclass
class Pairs:
    """
    The same thing both ways, in turns.

    @ivar what: What is done.
    @ivar one: Milliseconds one way.
    @ivar other: Milliseconds the other way.
    """

    what: str
    one: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)

    @property
    def differences(self) -> list[float]:
        """Milliseconds that the other way takes longer, pair by pair."""
        return [other - one for one, other in zip(self.one, self.other, strict=True)]

    @property
    def ratio(self) -> float:
        """How many times as long the other way takes, at the medians."""
        return percentile(self.other, 0.5) / percentile(self.one, 0.5)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def measure(what: str, one: Callable[[], object], other: Callable[[], object], pairs: int) -> Pairs:
    """Do both, in turns; who goes first changes."""
    found = Pairs(what)
    for number in range(_WARM_UP + pairs):
        for times, work in sorted(
            ((found.one, one), (found.other, other)),
            key=lambda way: (way[0] is found.other) == bool(number % 2),
        ):
            times.append(_milliseconds(work))
    del found.one[:_WARM_UP], found.other[:_WARM_UP]
    say(f"  {what}: {percentile(found.one, 0.5):.1f} ms, {percentile(found.other, 0.5):.1f} ms")
    return found


def measure_actions(server: Server, hand: Chrome, page: str, pairs: int) -> list[Pairs]:
    """Actions beside selenium's commands for the same, each on its own browser."""
    hand.get(page)
    server.act("goto", url=page)
    return [
        measure(what, by_hand, by_server, pairs)
        for what, by_hand, by_server in (
            ("`goto`", lambda: hand.get(page), lambda: server.act("goto", url=page)),
            (
                "`eval_js`",
                lambda: hand.execute_script("return 1 + 1"),
                lambda: server.act("eval_js", expression="1 + 1"),
            ),
            (
                "`get_text`",
                lambda: hand.execute_script(_TEXT),
                lambda: server.act("get_text"),
            ),
            (
                "`click`",
                lambda: hand.find_element("css selector", "#go").click(),
                lambda: server.act("click", selector="#go"),
            ),
            (
                "`screenshot`",
                hand.get_screenshot_as_base64,
                lambda: server.act("screenshot"),
            ),
        )
    ]


def measure_script(server: Server, page: str, pairs: int) -> list[Pairs]:
    """Ten steps in one request, and in ten: on one connection, on ten, and by C{curl}."""
    server.act("goto", url=page)
    steps: list[dict[str, Any]] = [
        {"action": "get_text"},
        {"action": "eval_js", "expression": "document.title"},
    ] * (_STEPS // 2)
    ways: dict[str, Callable[..., object]] = {
        "a connection that stays open": server.act,
        "a connection each": server.act_alone,
        "`curl` each": server.act_by_curl,
    }

    def once(act: Callable[..., object]) -> None:
        act("run_script", steps=steps)

    def apart(act: Callable[..., object]) -> None:
        for step in steps:
            act(**step)

    return [
        measure(what, partial(once, act), partial(apart, act), pairs) for what, act in ways.items()
    ]
