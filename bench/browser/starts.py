"""How long browsers take to start, and what they take."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.browser.server import start_server
from bench.common.console import say

_SETTLE = 2.0


@dataclass(frozen=True)
class Start:
    """
    Browsers that were started at once.

    @ivar browsers: How many.
    @ivar seconds: From the requests to the last answer.
    @ivar again: From a browser's end to the next answer of its replica.
    @ivar memory: Bytes of memory of all of them (PSS), with a page each.
    @ivar server: Resident bytes of the server itself.
    """

    browsers: int
    seconds: float
    again: float
    memory: int
    server: int


def measure_start(folder: Path, page: str, browsers: int) -> Start:
    """
    Start so many browsers at once, with profiles of their own that are new.

    @raise Unusable: They do not start.
    """
    with ExitStack() as stack:
        server = start_server(stack, folder, browsers)
        names = [f"browser{number}" for number in range(1, browsers + 1)]
        with ThreadPoolExecutor(browsers) as pool:
            began = time.perf_counter()
            list(pool.map(lambda name: server.act_alone("ping", pin=name), names))
            seconds = time.perf_counter() - began
            list(pool.map(lambda name: server.act_alone("goto", pin=name, url=page), names))
        time.sleep(_SETTLE)
        memory = server.browsers_memory()
        resident = server.child.resident()
        server.end_a_browser()
        began = time.perf_counter()
        server.wait_until_recovered(names)
        again = time.perf_counter() - began
    say(f"  {browsers} browsers: {seconds:.2f} s, {memory / 1e6:.0f} MB")
    return Start(browsers, seconds, again, memory, resident)
