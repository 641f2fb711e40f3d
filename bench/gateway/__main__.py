"""Measure aigate beside LiteLLM's proxy and nginx: C{python -m bench.gateway}."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.common.console import say
from bench.common.session import one_after_another, parse_arguments, run_bench
from bench.gateway.contenders import (
    Aigate,
    AigateCached,
    AigateInFull,
    Contender,
    Nginx,
    litellm,
)
from bench.gateway.load import Figures, measure, measure_direct
from bench.gateway.provider import start_provider
from bench.gateway.report import render


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="how long each load is (5)")
    parser.add_argument("--starts", type=int, default=3, help="how often each is started (3)")
    parser.add_argument(
        "--only",
        choices=("aigate", "full", "cached", "litellm", "nginx"),
        action="append",
        help="measure these contenders alone, and write no document unless --output is given; "
        "may be given more than once",
    )
    parser.add_argument(
        "--litellm", default="litellm[proxy]", metavar="REQUIREMENT", help="which LiteLLM"
    )
    return parse_arguments(parser, "seconds", "starts")


def _bench(arguments: argparse.Namespace, cache: Path, run: Path) -> tuple[str, list[str]]:
    makers: dict[str, Callable[[], Contender]] = {
        "aigate": Aigate,
        "full": AigateInFull,
        "cached": AigateCached,
        "litellm": lambda: litellm(cache, arguments.litellm),
        "nginx": Nginx,
    }
    with ExitStack() as stack:
        provider = start_provider(stack, run)
        say("the provider alone")
        direct = measure_direct(provider, run / "direct", arguments.seconds)

        def measured(name: str, contender: Contender) -> Figures:
            folder = run / name
            return measure(contender, provider, folder, arguments.seconds, arguments.starts)

        figures, missing = one_after_another(makers, arguments.only or makers, measured)
    return render(figures, direct, missing, arguments.seconds, arguments.starts), missing


if __name__ == "__main__":
    sys.exit(run_bench("gateway", _arguments(), _bench))
