"""Measure browsers beside selenium by hand: C{python -m bench.browser}."""

from __future__ import annotations

import argparse
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from bench.browser.by_hand import by_hand
from bench.browser.overhead import measure_actions, measure_script
from bench.browser.report import Measured, render
from bench.browser.server import start_pages, start_server
from bench.browser.starts import measure_start
from bench.common.processes import Unusable
from bench.common.session import parse_arguments, run_bench
from twisted_aigate.browser.programs import Programs, find_programs
from twisted_aigate.kernel.settings import read_settings

_MANY = 5
_PARTS = ("actions", "script", "starts")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.browser", description=__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="how many times each way (40)")
    parser.add_argument(
        "--only", choices=_PARTS, action="append",
        help="measure this alone, and write no document unless --output is given; may be given "
        "more than once",
    )  # fmt: skip
    return parse_arguments(parser, "pairs")


def _programs() -> Programs:
    settings = read_settings({"LITELLM_MASTER_KEY": "sk-none"})
    programs = find_programs(settings, shutil.which)
    if not isinstance(programs, Programs):
        raise Unusable(f"no browsers: {programs}")
    return programs


def _bench(arguments: argparse.Namespace, cache: Path, run: Path) -> tuple[str, list[str]]:
    wanted = set(arguments.only or _PARTS)
    programs = _programs()
    measured = Measured(programs.chromium)
    with ExitStack() as stack:
        page = start_pages(stack, run / "pages")
        if wanted & {"actions", "script"}:
            with ExitStack() as inner:
                server = start_server(inner, run / "one", 1)
                server.act("goto", url=page)
                if "actions" in wanted:
                    hand = inner.enter_context(by_hand(programs, run / "profile"))
                    measured.actions = measure_actions(server, hand, page, arguments.pairs)
                if "script" in wanted:
                    measured.scripts = measure_script(server, page, arguments.pairs)
        if "starts" in wanted:
            measured.starts = [
                measure_start(run / f"start-{count}", page, count) for count in (1, _MANY)
            ]
    return render(measured), []


if __name__ == "__main__":
    sys.exit(run_bench("browser", _arguments(), _bench, (_programs,)))
