"""What the operator sees while a benchmark runs; the results alone go to standard output."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Say what is being done."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def shout(text: str) -> None:
    """Say that something is wrong, so that it is not overlooked."""
    bar = "!" * 72
    say(f"\n{bar}\n!! {text}\n{bar}\n")
