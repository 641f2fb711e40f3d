"""An answer that is kept, and what of an answer may be."""

from __future__ import annotations

import msgspec
from attrs import evolve

from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.events import DONE_DATA
from twisted_aigate.gateway.routing.first_event import error_of
from twisted_aigate.gateway.sse import EventParser, EventTooLarge
from twisted_aigate.kernel.units import MB

MOST = 4 * MB
"""Bytes of an answer that may be kept."""

_KEPT_HEADERS = (b"x-litellm-model-id", b"x-litellm-model-api-base")
"""Header fields that are true of the answer; the others are of the call that was made."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """
    A kept answer.

    @ivar at: When it was given, in seconds of Unix time.
    @ivar body: All of it.
    @ivar content_type: Its media type.
    @ivar headers: What was said of it.
    """

    at: float
    body: bytes
    content_type: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def result(self, key: str) -> Result:
        """The answer again."""
        headers = (*self.headers, (b"x-litellm-cache-key", key.encode("utf-8")))
        return Result(self.body, self.content_type, headers)


class _Event(msgspec.Struct):
    type: str = ""


_events = msgspec.json.Decoder(_Event)


def make_entry(result: Result, body: bytes, now: float) -> Entry | None:
    """
    What is kept of an answer.

    @param body: All of its body.
    @return: C{None}: it is too large, or a stream that is not whole or tells an error.
    """
    if len(body) > MOST or (result.is_events and not _is_whole(body)):
        return None
    return Entry(now, body, result.content_type, repeated(result).headers)


def repeated(result: Result) -> Result:
    """An answer as one has it who did not make the call."""
    headers = tuple(field for field in result.headers if field[0] in _KEPT_HEADERS)
    return evolve(result, headers=headers)


def _is_whole(stream: bytes) -> bool:
    try:
        events = [each for each in EventParser().feed(stream) if each is not None]
    except EventTooLarge:
        return False
    if not events or any(error_of(event) is not None for event in events):
        return False
    return events[-1] == DONE_DATA or _is_last_message(events[-1])


def _is_last_message(event: bytes) -> bool:
    try:
        return _events.decode(event).type == "message_stop"
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
