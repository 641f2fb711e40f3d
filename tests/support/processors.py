"""Which processors embedded models compute on."""

from __future__ import annotations

import os

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def on_one_processor() -> list[str]:
    """
    What stands before the command of a process that is to use one processor.

    A model that computes on several waits for the one that somebody else uses too, and does so in
    a busy loop.
    """
    processors = sorted(os.sched_getaffinity(0))
    return ["taskset", "--cpu-list", str(processors[_worker % len(processors)])]
