"""Finding in an answer, as it passes, what it took."""

from __future__ import annotations

import re
from collections.abc import Callable

from twisted_aigate.gateway.accounting.usage import Usage
from twisted_aigate.kernel.units import KB, MB

_USAGE = re.compile(rb'"usage"\s*:\s*\{')
"""In an answer's own text quotes stand behind a backslash: this is the field."""

_TEXT = re.compile(
    rb'"(?:content|text|delta|arguments|reasoning|reasoning_content|refusal|thinking|partial_json)"'
    rb'\s*:\s*"((?:[^"\\]|\\.)*)'
)
_REPEATED = re.compile(rb'"response\.[a-z_.]+\.(?:added|done|completed)"')
"""Events of the Responses API that say again what others have said."""

_DATA = b"data:"
_NO_EVENT = b"\n"
_BYTES_OF_TOKEN = 4

_LARGE = 64 * KB
"""What is larger is not parsed: a batch of embeddings is many megabytes."""

_USAGE_ALONE = re.compile(rb'"usage"\s*:\s*\{(?:[^{}]|\{[^{}]*\})*\}')
_FIELD = b'"usage"'
_MOST_USAGE = 4 * KB

_MOST_LINE = 16 * MB
"""What is longer is no event that anyone sends."""


class UsageReader:
    """
    Reads one answer.

    A stream that does not say what it took is measured: its texts have a token for every 4 bytes,
    as in L{twisted_aigate.gateway.chat.tokens}.

    @ivar usage: What the answer says.
    @ivar ended: Called once, when the answer is over, or wanted no more.
    """

    def __init__(self) -> None:
        self.usage = Usage()
        self.ended: Callable[[], None] | None = None
        self._written = 0
        # Most events of a stream are alike but for their text: what stands before it, and behind.
        self._before = self._after = _NO_EVENT
        self._frame = 0
        self._rest: list[bytes] = []
        self._rest_size = 0

    def document(self, body: bytes) -> None:
        """Read an answer that is one JSON value."""
        if len(body) > _LARGE:
            self._large_document(body)
            return
        self.usage.read(body)
        if self.usage.completion is None:
            self._measure(body)

    def _large_document(self, body: bytes) -> None:
        # It stands at the end, or else it is looked for.
        place = body.rfind(_FIELD)
        found = _USAGE_ALONE.match(body[place : place + _MOST_USAGE]) if place >= 0 else None
        if found is not None:
            self.usage.read(b"{" + found[0] + b"}")
        elif len(body) < MB:
            self._measure(body)

    def feed(self, piece: bytes) -> None:
        """Read a piece of a stream of events."""
        end = piece.rfind(b"\n")
        if end < 0:
            self._keep(piece)
            return
        lines = b"".join((*self._rest, piece[:end]))
        self._rest.clear()
        self._rest_size = 0
        self._keep(piece[end + 1 :])
        for line in lines.splitlines():
            if line.startswith(self._before) and line.endswith(self._after):
                self._written += len(line) - self._frame
            elif line.startswith(_DATA):
                self._event(line)

    def _event(self, line: bytes) -> None:
        if _USAGE.search(line):
            self.usage.read(line[len(_DATA) :].strip())
        if b'"response.' in line and _REPEATED.search(line):
            return
        texts = list(_TEXT.finditer(line))
        self._written += sum(len(text[1]) for text in texts)
        if len(texts) == 1:
            start, end = texts[0].span(1)
            self._before, self._after = line[:start], line[end:]
            self._frame = len(line) - (end - start)

    def finish(self) -> None:
        """The answer is over, or wanted no more; what has come of its last line counts."""
        if self._rest:
            self.feed(b"\n")
        ended, self.ended = self.ended, None
        if ended is not None:
            ended()

    def _keep(self, piece: bytes) -> None:
        if piece and self._rest_size < _MOST_LINE:
            self._rest.append(piece)
            self._rest_size += len(piece)

    def _measure(self, text: bytes) -> None:
        for found in _TEXT.findall(text):
            self._written += len(found)

    @property
    def written(self) -> int:
        """About how many tokens were written."""
        return -(-self._written // _BYTES_OF_TOKEN)

    @property
    def tokens(self) -> int:
        """All tokens that the answer says that it took, or about those that it has."""
        return self.usage.total or self.written
