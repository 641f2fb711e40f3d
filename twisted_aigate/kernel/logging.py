"""
Log lines: readable on a terminal, JSON otherwise; the request id in every one.

Built on L{twisted.logger}; events keep their fields, and a field given to a log call is a field
of the JSON object.
"""

from __future__ import annotations

import time
from typing import TextIO

import msgspec
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

from twisted_aigate.kernel.identifiers import current_request_id

_JSON_FIELDS = (str, int, float, bool, type(None))
_encoder = msgspec.json.Encoder()


_MESSAGE = "log_message"


def message_of(event: LogEvent) -> str:
    """An event's message, with its traceback if it has one; it is made once, for all observers."""
    text: str | None = event.get(_MESSAGE)
    if text is None:
        text = event[_MESSAGE] = _message_of(event)
    return text


def _message_of(event: LogEvent) -> str:
    try:
        # What twisted.logger's formats have beyond Python's, calls, is rare, and its own formatting
        # costs ten times as much: a tenth of a small request.
        text: str = event["log_format"].format_map(event)
    except Exception:
        text = formatEvent(event)
    failure = event.get("log_failure")
    if failure is not None:
        text = f"{text}\n{failure.getTraceback()}" if text else failure.getTraceback()
    return text


@implementer(ILogObserver)
class TextObserver:
    """One line an event: time, level, request id when there is one, namespace, message."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        """Write the event."""
        at = time.strftime("%H:%M:%S", time.localtime(event["log_time"]))
        level = event["log_level"].name
        request_id = event.get("request_id") or current_request_id.get()
        about = f" {request_id}" if request_id else ""
        self._out.write(f"{at} {level:<5}{about} {message_of(event)}\n")
        self._out.flush()


@implementer(ILogObserver)
class JSONObserver:
    """One JSON object a line: C{time}, C{level}, C{logger}, C{message} and the event's fields."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        """Write the event."""
        line = {
            name: value
            for name, value in event.items()
            if not name.startswith("log_") and isinstance(value, _JSON_FIELDS)
        }
        line["time"] = event["log_time"]
        line["level"] = event["log_level"].name
        line["logger"] = event.get("log_namespace", "")
        line["message"] = message_of(event)
        request_id = current_request_id.get()
        if request_id and "request_id" not in line:
            line["request_id"] = request_id
        self._out.write(_encoder.encode(line).decode("utf-8") + "\n")
        self._out.flush()


def make_observer(out: TextIO, log_format: str, level: str) -> ILogObserver:
    """
    The observer that a process logs with.

    @param out: Where the lines go.
    @param log_format: C{text}, C{json}, or C{auto}: text when C{out} is a terminal.
    @param level: The least level that is written.
    """
    readable = out.isatty() if log_format == "auto" else log_format == "text"
    observer: ILogObserver = TextObserver(out) if readable else JSONObserver(out)
    least = LogLevelFilterPredicate(defaultLogLevel=LogLevel.levelWithName(level))
    return FilteringLogObserver(observer, [least])
