"""Measure aigate's storage beside moto's server and nginx: C{python -m bench.storage}."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.common.console import say
from bench.common.http import wait_until_ok
from bench.common.processes import free_port
from bench.common.session import one_after_another, parse_arguments, run_bench
from bench.storage.checks import check
from bench.storage.contenders import Aigate, Contender, Nginx, moto
from bench.storage.lag import measure_lag
from bench.storage.listing import measure_lists
from bench.storage.load import Running, load_large, load_small, look_for_trouble
from bench.storage.memory import measure_flatness
from bench.storage.payloads import LARGE, MB, MIDDLE, SMALL, Payload, make_payload
from bench.storage.report import render_comparison, render_own


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.storage", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="how long each load is (3)")
    parser.add_argument("--rounds", type=int, default=3, help="the median of how many counts (3)")
    parser.add_argument(
        "--only", choices=("aigate", "nginx", "moto", "itself"), action="append",
        help="measure these contenders alone (itself: what aigate does without others), and write "
        "no document unless --output is given; may be given more than once",
    )  # fmt: skip
    parser.add_argument(
        "--flat", type=int, default=256, metavar="MB",
        help="the size of the eight objects that memory is watched with (256)",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="as --flat 1024")
    parser.add_argument(
        "--moto", default="moto[server]", metavar="REQUIREMENT", help="which moto"
    )  # fmt: skip
    arguments = parse_arguments(parser, "seconds", "rounds", "flat")
    if arguments.full:
        arguments.flat = 1024
    return arguments


def _start(contender: Contender, stack: ExitStack, folder: Path, all_: list[Payload]) -> Running:
    port = free_port()
    child = stack.enter_context(contender.start(port, folder))
    wait_until_ok(child, port, contender.health)
    contender.prepare(port)
    for payload in all_:
        check(contender, port, payload, f"get/{payload.size}")
    child.settle()
    say(f"{contender.name}: keeps what it is given")
    return Running(contender, child, port, at_rest=child.resident())


def _compare(arguments: argparse.Namespace, cache: Path, run: Path) -> tuple[str, list[str]]:
    makers: dict[str, Callable[[], Contender]] = {
        "aigate": Aigate,
        "nginx": Nginx,
        "moto": lambda: moto(cache, arguments.moto),
    }
    small = [make_payload(run, size) for size in (SMALL, MIDDLE)]
    large = make_payload(run, LARGE)
    with ExitStack() as stack:

        def start(name: str, contender: Contender) -> Running:
            return _start(contender, stack, run / name, [*small, large])

        all_running, missing = one_after_another(makers, arguments.only or makers, start)
        try:
            load_small(all_running, small, arguments.seconds, arguments.rounds)
            load_large(all_running, large, arguments.rounds)
        finally:
            # Whatever failed, that a contender has ended is the better reason.
            for running in all_running:
                look_for_trouble(running)
        for running in all_running:
            running.child.settle()
            running.after = running.child.resident()
    text = render_comparison(
        all_running, small, large, missing, arguments.seconds, arguments.rounds
    )
    return text, missing


def _by_itself(arguments: argparse.Namespace, run: Path) -> str:
    aigate, port = Aigate(), free_port()
    lists = measure_lists(run / "lists")
    payload = make_payload(run, arguments.flat * MB)
    with aigate.start(port, run / "itself") as child:
        wait_until_ok(child, port, aigate.health)
        running = Running(aigate, child, port)
        try:
            flat = measure_flatness(aigate, child, port, payload)
            child.settle()
            lag = measure_lag(aigate, port, payload, 2 * arguments.seconds)
        finally:
            look_for_trouble(running)
    return render_own(lists, flat, lag)


def _bench(arguments: argparse.Namespace, cache: Path, run: Path) -> tuple[str, list[str]]:
    only = arguments.only or []
    texts: list[str] = []
    missing: list[str] = []
    if only != ["itself"]:
        arguments.only = [name for name in only if name != "itself"]
        text, missing = _compare(arguments, cache, run)
        texts.append(text)
        for name in ("aigate", "nginx", "moto"):
            shutil.rmtree(run / name / "data", ignore_errors=True)
            shutil.rmtree(run / name / "files", ignore_errors=True)
    if not only or "itself" in only:
        texts.append(_by_itself(arguments, run))
    return "\n".join(texts), missing


if __name__ == "__main__":
    sys.exit(run_bench("storage", _arguments(), _bench))
