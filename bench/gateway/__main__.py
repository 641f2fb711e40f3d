"""Measure aigate beside LiteLLM's proxy and nginx: C{python -m bench.gateway}."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.common.console import say, shout
from bench.common.markdown import keep_section
from bench.common.nginx import find_nginx
from bench.common.processes import Unusable
from bench.common.venv import cache_folder
from bench.common.wrk import find_wrk
from bench.gateway.contenders import Aigate, Contender, Nginx, litellm
from bench.gateway.load import Figures, measure, measure_direct
from bench.gateway.provider import start_provider
from bench.gateway.report import render

_ROOT = Path(__file__).parents[2]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="how long each load is (5)")
    parser.add_argument("--starts", type=int, default=3, help="how often each is started (3)")
    parser.add_argument(
        "--only",
        choices=("aigate", "litellm", "nginx"),
        action="append",
        help="measure these contenders alone, and write no document unless --output is given; "
        "may be given more than once",
    )
    parser.add_argument(
        "--litellm", default="litellm[proxy]", metavar="REQUIREMENT", help="which LiteLLM"
    )
    parser.add_argument(
        "--cache", type=Path, default=_ROOT / ".bench", help="where LiteLLM and logs are kept"
    )
    parser.add_argument("--output", type=Path, help="the document (docs/benchmarks.md)")
    arguments = parser.parse_args()
    if arguments.output is None and not arguments.only:
        arguments.output = _ROOT / "docs/benchmarks.md"
    if arguments.seconds < 1 or arguments.starts < 1:
        parser.error("--seconds and --starts are at least 1")
    return arguments


def _run(arguments: argparse.Namespace) -> int:
    find_nginx()
    find_wrk()
    cache = cache_folder(arguments.cache)
    run = cache / "gateway"
    shutil.rmtree(run, ignore_errors=True)
    makers: dict[str, Callable[[], Contender]] = {
        "aigate": Aigate,
        "litellm": lambda: litellm(cache, arguments.litellm),
        "nginx": Nginx,
    }
    measured: list[Figures] = []
    missing: list[str] = []
    with ExitStack() as stack:
        provider = start_provider(stack, run)
        say("the provider alone")
        direct = measure_direct(provider, run / "direct", arguments.seconds)
        for name in arguments.only or makers:
            try:
                contender = makers[name]()
                measured.append(
                    measure(contender, provider, run / name, arguments.seconds, arguments.starts)
                )
            except Unusable as error:
                missing.append(name)
                shout(f"left out: {name}: {error}")
    text = render(measured, direct, missing, arguments.seconds, arguments.starts)
    sys.stdout.write(text)
    if arguments.output is not None:
        keep_section(arguments.output, "gateway", text)
    return 1 if missing else 0


def main() -> int:
    """
    Run.

    @return: The exit status: 1 when something was left out.
    """
    # Every child is ended by a block that is left: a signal must leave them.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda got, _: sys.exit(128 + got))
    try:
        return _run(_arguments())
    except Unusable as error:
        shout(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
