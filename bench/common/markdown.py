"""Tables, and the document that every benchmark keeps its own section of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

_TITLE = "# Benchmarks\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; the first column to the left, the others to the right."""
    marks = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, marks, *rows)) + "\n"


def figure(value: float) -> str:
    """A number with three digits that count, and thousands set apart."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def aim_line(holds: bool, what: str, aim: str) -> str:
    """A line that says whether an aim is reached."""
    return f"- **{'holds' if holds else 'DOES NOT HOLD'}**: {what} (aim: {aim})"


def keep_section(path: Path, name: str, text: str) -> None:
    """Put C{text} in place of the section C{name} of a document, or at its end."""
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    section = f"{begin}{text.rstrip()}\n{end}"
    old = path.read_text("utf-8") if path.exists() else _TITLE
    before, found, rest = old.partition(begin)
    new = f"{before}{section}{rest.partition(end)[2]}" if found else f"{old}\n{section}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new, "utf-8")
