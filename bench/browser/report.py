"""The results as Markdown, and whether they reach the project's aims."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.browser.overhead import Pairs
from bench.browser.starts import Start
from bench.common.markdown import aim_line, figure, table
from bench.common.percentiles import percentile
from bench.common.venv import our_versions

_OVERHEAD = 5.0
_GOTO = 1.2
_SCRIPT = 1.5


@dataclass
class Measured:
    """
    What was measured; what was not is C{None}.

    @ivar chromium: Its executable.
    @ivar actions: Selenium by hand, and actions.
    @ivar scripts: One request, and ten.
    @ivar starts: Browsers that were started.
    """

    chromium: str
    actions: Sequence[Pairs] | None = None
    scripts: Sequence[Pairs] | None = None
    starts: Sequence[Start] | None = None


def _host(chromium: str) -> str:
    said = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=False)
    versions = our_versions(("aigate", "Twisted", "selenium", "python-xlib", "mss"))
    listed = ", ".join(f"{package} {version}" for package, version in versions.items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python "
        f"{platform.python_version()}, {said.stdout.strip()}, {listed}.\n\n"
        "Server, client, both browsers and the server of the page share the CPUs. By hand: "
        "selenium with its own waits, a direct connection, the same flags. Actions go over one "
        "connection that stays open, and what the browser asks for goes through aigate's proxy. "
        "Memory of browsers: PSS of Chromium, its driver and its X server together.\n"
    )


def _actions(actions: Sequence[Pairs]) -> str:
    rows = [
        [
            each.what,
            *(figure(percentile(times, 0.5)) for times in (each.one, each.other)),
            *(figure(percentile(times, 0.9)) for times in (each.one, each.other)),
            figure(percentile(each.differences, 0.5)),
            figure(each.ratio),
        ]
        for each in actions
    ]
    head = (
        "action", "by hand, p50, ms", "action, p50, ms", "by hand, p90, ms", "action, p90, ms",
        "more, p50, ms", "ratio of p50",
    )  # fmt: skip
    count = len(actions[0].one)
    return f"### An action, and selenium's own command, in {count} pairs\n\n{table(head, rows)}"


def _scripts(scripts: Sequence[Pairs]) -> str:
    rows = [
        [
            each.what,
            figure(percentile(each.one, 0.5)),
            figure(percentile(each.other, 0.5)),
            figure(each.ratio),
        ]
        for each in scripts
    ]
    head = ("by", "one request, p50, ms", "ten requests, p50, ms", "ratio")
    return f"### Ten steps, `get_text` and `eval_js` in turn\n\n{table(head, rows)}"


def _starts(starts: Sequence[Start]) -> str:
    rows = [
        [
            str(each.browsers), figure(each.seconds), figure(each.again),
            figure(each.memory / 1e6), figure(each.memory / 1e6 / each.browsers),
            figure(each.server / 1e6),
        ]
        for each in starts
    ]  # fmt: skip
    head = (
        "browsers", "cold start, s", "after a kill, s", "memory, MB", "memory each, MB",
        "the server's own (RSS), MB",
    )  # fmt: skip
    return (
        "### Browsers started at once\n\nCold start: from requests to the last answer, the first "
        f"browsers of a server, with new profiles. After a kill: until one of them answers again."
        f"\n\n{table(head, rows)}"
    )


def _aims(measured: Measured) -> Iterator[str]:
    if measured.actions is not None:
        goto, *others = measured.actions
        more = percentile([took for each in others for took in each.differences], 0.5)
        yield aim_line(
            more < _OVERHEAD,
            f"an action takes {more:.1f} ms more than selenium's own command (p50 of all pairs "
            "but those of `goto`)",
            f"under {_OVERHEAD:g} ms",
        )
        yield aim_line(
            goto.ratio <= _GOTO,
            f"`goto` on a local page takes {goto.ratio:.2f} times selenium's own time",
            f"within {_GOTO:g} times",
        )
    if measured.scripts is not None:
        # As the examples have it; a connection that stays open leaves little to be won.
        by_curl = measured.scripts[-1]
        yield aim_line(
            by_curl.ratio >= _SCRIPT,
            f"ten steps in one request are {by_curl.ratio:.2f} times as fast as in ten, by `curl`",
            f"at least {_SCRIPT:g} times",
        )


def render(measured: Measured) -> str:
    """All of it."""
    parts = ["## Browsers\n", _host(measured.chromium)]
    if measured.actions is not None:
        parts.append(_actions(measured.actions))
    if measured.scripts is not None:
        parts.append(_scripts(measured.scripts))
    if measured.starts is not None:
        parts.append(_starts(measured.starts))
    aims = "\n".join(_aims(measured))
    return "\n".join([*parts, f"### Aims\n\n{aims}\n"] if aims else parts)
