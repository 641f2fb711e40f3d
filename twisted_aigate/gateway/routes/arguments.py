"""Arguments of a request's query."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.kernel.units import DAY
from twisted_aigate.web.request import Request

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def text(request: Request, name: str) -> str | None:
    """An argument; C{None}: it is not there, or empty."""
    values = request.args.get(name.encode("ascii"))
    return values[0].decode("utf-8", "replace").replace("\0", "") or None if values else None


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """
    A whole number.

    @raise GatewayError: 400: it is none of those that are allowed.
    """
    said = text(request, name)
    if said is None:
        return default
    if not (re.fullmatch(r"[0-9]{1,10}", said) and least <= int(said) <= most):
        message = f"{name} is a whole number of {least} to {most}."
        raise GatewayError(400, message, param=name)
    return int(said)


def day(request: Request, name: str) -> str | None:
    """
    A day of the form C{2026-11-27}; of a time, its day.

    @raise GatewayError: 400: it is no time.
    """
    at = time(request, name)
    return None if at is None else datetime.fromtimestamp(at, UTC).date().isoformat()


def time(request: Request, name: str, *, whole_day: bool = False) -> float | None:
    """
    A time, in UTC where it does not say; seconds of Unix time.

    @param whole_day: Of a day its end is meant.
    @raise GatewayError: 400: it is none.
    """
    said = text(request, name)
    if said is None:
        return None
    try:
        at = datetime.fromisoformat(said)
        seconds = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        message = f"{name} is a day, such as 2026-11-27, or a time, such as 2026-11-27T12:00:00Z."
        raise GatewayError(400, message, param=name) from None
    return seconds + DAY if whole_day and _DATE.fullmatch(said) else seconds
