"""What benchmarks do around what they measure: arguments, contenders in turn, the document."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bench.common.console import say, shout
from bench.common.markdown import keep_section
from bench.common.nginx import find_nginx
from bench.common.processes import Unusable
from bench.common.venv import cache_folder
from bench.common.wrk import find_wrk

_ROOT = Path(__file__).parents[2]
_C = TypeVar("_C")
_T = TypeVar("_T")


def parse_arguments(parser: argparse.ArgumentParser, *at_least_1: str) -> argparse.Namespace:
    """
    Parse the command line, with the arguments that all benchmarks have besides.

    @param parser: It has an argument C{--only}.
    @param at_least_1: The arguments that are numbers from 1 on.
    """
    parser.add_argument(
        "--cache", type=Path, default=_ROOT / ".bench",
        help="where the others, logs and what is measured with are kept",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, help="the document (docs/benchmarks.md)")
    arguments = parser.parse_args()
    if arguments.output is None and not arguments.only:
        arguments.output = _ROOT / "docs/benchmarks.md"
    for name in at_least_1:
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is at least 1")
    return arguments


def one_after_another(
    makers: Mapping[str, Callable[[], _C]],
    names: Iterable[str],
    measure: Callable[[str, _C], _T],
) -> tuple[list[_T], list[str]]:
    """
    Have contenders measured in turn.

    @param makers: How each is had, by name.
    @param names: Which of them.
    @param measure: Called with a name and its contender.
    @return: What came of it, and the names of those that could not be had or measured.
    """
    measured: list[_T] = []
    missing: list[str] = []
    for name in names:
        try:
            measured.append(measure(name, makers[name]()))
        except Unusable as error:
            missing.append(name)
            shout(f"left out: {name}: {error}")
    return measured, missing


def run_bench(
    section: str,
    arguments: argparse.Namespace,
    bench: Callable[[argparse.Namespace, Path, Path], tuple[str, Sequence[str]]],
    needed: Sequence[Callable[[], object]] = (find_nginx, find_wrk),
) -> int:
    """
    Run a benchmark, and write what came of it.

    @param section: Its section of the document, and its folder in the cache.
    @param bench: Called with the arguments, the cache and the folder, which is not there; returns
        the section's text and who was left out.
    @param needed: They raise L{Unusable} when something that it cannot do without is missing.
    @return: The exit status: 1 when something was left out.
    """
    # Every child is ended by a block that is left: a signal must leave them.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        for find in needed:
            find()
        cache = cache_folder(arguments.cache)
        folder = cache / section
        shutil.rmtree(folder, ignore_errors=True)
        text, missing = bench(arguments, cache, folder)
    except Unusable as error:
        shout(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    sys.stdout.write(text)
    if arguments.output is not None:
        keep_section(arguments.output, section, text)
    return 1 if missing else 0
