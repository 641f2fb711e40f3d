"""Our tools as functions that a model may call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import frozen

from twisted_aigate.gateway.agent.wanted import Wanted
from twisted_aigate.interfaces import ToolSpec

_LONGEST = 64
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9_-]")
"""What OpenAI's API takes as a function's name has up to 64 of the others."""


@frozen
class Offered:
    """
    A tool that the model may call.

    @ivar function: The function's name.
    @ivar label: The caller's name for the tools that it is one of.
    @ivar spec: The tool.
    """

    function: str
    label: str
    spec: ToolSpec


class Offer:
    """
    All that the model may call.

    @ivar wanted: What the request wants.
    @ivar tools: For each of these its tools; one is offered once.
    """

    def __init__(self, wanted: Sequence[Wanted], tools: Sequence[Sequence[Offered]]) -> None:
        self.wanted = wanted
        self.tools = tools
        self._by_function = {each.function: each for each in self}

    def __iter__(self) -> Iterator[Offered]:
        for tools in self.tools:
            yield from tools

    def find(self, function: str | None) -> Offered | None:
        """The tool behind a function; C{None}: it is the caller's."""
        return self._by_function.get(function or "")


def make_offer(wanted: Sequence[Wanted], specs: Sequence[ToolSpec], taken: frozenset[str]) -> Offer:
    """
    What the model may call.

    @param specs: The tools that there are for the caller.
    @param taken: The names of the caller's own functions.
    """
    functions: set[str] = set(taken)
    offered: set[str] = set()
    tools = []
    for each in wanted:
        mine = []
        for spec in specs:
            if spec.name not in offered and each.covers(spec):
                offered.add(spec.name)
                name = _free(spec.name, functions)
                functions.add(name)
                mine.append(Offered(name, each.label, spec))
        tools.append(mine)
    return Offer(wanted, tools)


def _free(name: str, taken: set[str]) -> str:
    plain = _NOT_OF_A_NAME.sub("_", name)[:_LONGEST]
    found, number = plain, 1
    while found in taken:
        number += 1
        end = f"_{number}"
        found = plain[: _LONGEST - len(end)] + end
    return found
