"""What was logged during a test."""

from __future__ import annotations

from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase


def record_log(case: SynchronousTestCase) -> list[LogEvent]:
    """The list that the events of the rest of the test are put in."""
    events: list[LogEvent] = []
    globalLogPublisher.addObserver(events.append)
    case.addCleanup(globalLogPublisher.removeObserver, events.append)
    return events


def text_of(events: list[LogEvent]) -> str:
    """All that an operator could read of them: messages, fields, tracebacks."""
    lines = []
    for event in events:
        lines.append(formatEvent(event))
        lines += [str(value) for name, value in event.items() if not name.startswith("log_")]
        if "log_failure" in event:
            lines.append(event["log_failure"].getTraceback())
    return "\n".join(lines)
