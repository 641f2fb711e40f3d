"""The pieces of a streamed turn's calls: ours are gathered, the caller's are passed on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from twisted_aigate.gateway.agent.functions import Offer

Piece = dict[str, Any]


class _Coming:
    """
    A call whose pieces come.

    @ivar id: Its id, if that has come.
    @ivar name: The function's name, likewise.
    @ivar place: Its place among those that are passed on; C{None}: it is not, or not yet.
    """

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.place: int | None = None
        self._more: dict[str, Any] = {}
        self._arguments: list[str] = []

    def add(self, piece: Piece) -> None:
        """Take a piece."""
        function = piece.get("function") or {}
        self.id = self.id or piece.get("id")
        self.name = self.name or function.get("name") or ""
        self._arguments.append(function.get("arguments") or "")
        known = ("id", "index", "function")
        self._more |= {name: value for name, value in piece.items() if name not in known}

    def whole(self) -> dict[str, Any]:
        """All of it that has come."""
        function = {"name": self.name, "arguments": "".join(self._arguments)}
        return {**self._more, "id": self.id, "type": "function", "function": function}


class Pieces:
    """
    The calls of a turn.

    @param offer: Tells ours.
    @ivar passed: How many are passed on.
    """

    def __init__(self, offer: Offer) -> None:
        self.passed = 0
        self._offer = offer
        self._calls: list[_Coming] = []
        self._by_index: dict[int, _Coming] = {}

    def take(self, pieces: Iterable[Piece]) -> list[Piece]:
        """Take what comes; returns what is for the caller."""
        return [passed for piece in pieces for passed in self._taken(piece)]

    def _taken(self, piece: Piece) -> Iterator[Piece]:
        call = self._coming(piece)
        call.add(piece)
        if not call.name or self._offer.find(call.name) is not None:
            return
        if call.place is not None:
            yield {**piece, "index": call.place}
            return
        # With what came before its name.
        call.place, self.passed = self.passed, self.passed + 1
        yield {**call.whole(), "index": call.place}

    def whole(self) -> list[dict[str, Any]]:
        """The calls as they are now."""
        return [call.whole() for call in self._calls]

    def _coming(self, piece: Piece) -> _Coming:
        # Some have the same index, or none, for all calls, and an id of its own for each.
        index, given = piece.get("index") or 0, piece.get("id")
        known = self._by_index.get(index)
        if known is None or (given and known.id and given != known.id):
            known = self._by_index[index] = _Coming()
            self._calls.append(known)
        return known
