"""
The actions as docs/browser.md has them, made from their models.

C{python -m tests.browser.reference} writes them there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from twisted_aigate.browser.actions.table import GROUPS
from twisted_aigate.browser.script import Condition, StepOptions

DOCUMENT = Path(__file__).parents[2] / "docs/browser.md"
_BEGIN, _END = "<!-- actions -->\n", "<!-- /actions -->\n"


def with_reference(text: str) -> str:
    """A document with the actions in their place."""
    before, _, rest = text.partition(_BEGIN)
    return f"{before}{_BEGIN}{reference()}{_END}{rest.partition(_END)[2]}"


def reference() -> str:
    """All actions, group by group."""
    lines: list[str] = []
    for group, actions in GROUPS.items():
        lines += [f"### {group}", "", "| action | parameters |", "| --- | --- |"]
        lines += [_row(f"`{action.name}`", action.model) for action in actions]
        lines.append("")
    lines += ["### Steps of a script", "", "| | |", "| --- | --- |"]
    lines += [_row("each step", StepOptions), _row("`if`", Condition), ""]
    return "\n".join(lines)


def _row(name: str, model: type[Any]) -> str:
    said = (model.__doc__ or "").split("\n\n")[0].strip()
    return f"| {name} | {' '.join((said, *_parameters(model)))} |"


def _parameters(model: type[Any]) -> Iterator[str]:
    schema = msgspec.json.schema(model)
    described = schema["$defs"][model.__name__]
    needed = set(described.get("required", ()))
    for name, field in described["properties"].items():
        kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
        kind = " or ".join(map(_kind, kinds))
        words = [f"`{name}`", f"({kind}, needed)" if name in needed else f"({kind})"]
        words += filter(None, (field.get("description", kinds[0].get("description")),))
        default = field.get("default")
        if default not in (None, ""):
            words.append(f"[{msgspec.json.encode(default).decode()}]")
        yield f"<br>{' '.join(words)}"


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "$ref" in field:
        return "object"
    kind: str = field.get("type", "any")
    least, most = field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum")
    if least is not None and most is not None:
        return f"{kind} {least:g} to {most:g}"
    return kind


if __name__ == "__main__":
    DOCUMENT.write_text(with_reference(DOCUMENT.read_text("utf-8")), "utf-8")
