"""Where the table of the library's prices is kept, from one start to the next."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from twisted_aigate.gateway.accounting import price_library
from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.kernel.units import MINUTE

_FORMAT = 1
"""Another one for another L{PriceTable}."""

_LONGEST = 1 * MINUTE


def load_table(folder: Path) -> PriceTable:
    """
    The table of the library that is installed: it is made once, by a process of its own.

    For a thread: the first time it takes a second.

    @param folder: Where it is kept; may not be there yet.
    @raise OSError: It cannot be kept.
    @raise subprocess.SubprocessError: The library cannot be used.
    """
    path = folder / f"genai-prices-{version('genai-prices')}-{_FORMAT}.json"
    # What was cut off by a crash is made anew.
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        return PriceTable(path.read_bytes())
    command = [sys.executable, "-P", "-m", price_library.__name__]
    made = subprocess.run(  # noqa: S603  # our own
        command, stdout=subprocess.PIPE, timeout=_LONGEST, check=True
    ).stdout
    table = PriceTable(made)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("genai-prices-*"):
        old.unlink()
    path.write_bytes(made)
    return table
