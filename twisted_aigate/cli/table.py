"""What commands print for people."""

from __future__ import annotations

from collections.abc import Sequence


class CommandFailed(Exception):
    """A command did not do what it was told; the text says why, in one line."""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as what is in them."""
    lines = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
