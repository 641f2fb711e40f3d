"""Measure Claude Code as an API beside the CLI by hand: C{python -m bench.claudebox}."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.claudebox.by_hand import observe
from bench.claudebox.events import measure_events
from bench.claudebox.files import measure_files
from bench.claudebox.memory import measure_memory
from bench.claudebox.overhead import measure_overhead, nothing
from bench.claudebox.report import Measured, render
from bench.claudebox.server import ACCOUNT_KEY, start_server
from bench.claudebox.stand_in import install_stand_in
from bench.common.processes import Unusable
from bench.common.session import parse_arguments, run_bench
from bench.common.venv import beside_python
from bench.common.wrk import find_wrk
from tests.end_to_end.anthropic_server import ScriptedAnthropic

_PROMPT = "Say hello."


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.claudebox", description=__doc__)
    parser.add_argument("--pairs", type=int, default=60, help="how many runs each way (60)")
    parser.add_argument("--seconds", type=int, default=2, help="how long each load is (2)")
    parser.add_argument("--rounds", type=int, default=5, help="the median of how many counts (5)")
    parser.add_argument(
        "--only", choices=("overhead", "events", "memory", "files"), action="append",
        help="measure this alone, and write no document unless --output is given; may be given "
        "more than once",
    )  # fmt: skip
    return parse_arguments(parser, "pairs", "seconds", "rounds")


@contextmanager
def _anthropic() -> Iterator[str]:
    server = ScriptedAnthropic(ACCOUNT_KEY)
    try:
        yield server.url
    finally:
        try:
            server.stop()
        except AssertionError as error:
            raise Unusable(f"what Claude Code asked was not right: {error}") from None


def _version(claude: Path) -> str:
    done = subprocess.run([claude, "--version"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unusable(f"{claude} does not start: {done.stderr[-500:]}")
    return done.stdout.split()[0]


def _bench(arguments: argparse.Namespace, cache: Path, run: Path) -> tuple[str, list[str]]:
    wanted = set(arguments.only or ("overhead", "events", "memory", "files"))
    claude, stand_in = beside_python("claude"), install_stand_in(run / "stand-in")
    measured = Measured(_version(claude))
    with ExitStack() as stack:
        anthropic = stack.enter_context(_anthropic())
        real = start_server(stack, run / "real", claude, anthropic)
        other = start_server(stack, run / "other", stand_in, anthropic)
        start = observe(other)
        if "overhead" in wanted:
            pairs = arguments.pairs
            measured.overheads = (
                measure_overhead("Claude Code", real, start, run / "hand", _PROMPT, pairs),
                measure_overhead("the stand-in", other, start, run / "idle", nothing(), pairs),
            )
        # Memory before files: what they need stays.
        if "events" in wanted:
            measured.delays = measure_events(other, start, run / "piped", arguments.rounds)
        if "memory" in wanted:
            measured.readings = measure_memory(other)
        if "files" in wanted:
            measured.trees = measure_files(other, run, arguments.seconds, arguments.rounds)
        measured.problems = [
            problem for server in (real, other) for problem in server.child.tracebacks()
        ]
    return render(measured, arguments.seconds, arguments.rounds), []


if __name__ == "__main__":
    sys.exit(run_bench("claudebox", _arguments(), _bench, (find_wrk,)))
