"""Numbers in queries."""

from __future__ import annotations

from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.request import Request

_MOST_DIGITS = 6


def number(request: Request, name: bytes, least: int, most: int) -> int | None:
    """
    A field of a query.

    @return: C{None}: it is not there.
    @raise HTTPError: 400: it is none from C{least} to C{most}.
    """
    values = request.args.get(name)
    if not values:
        return None
    text = values[-1]
    value = int(text) if text.isdigit() and len(text) <= _MOST_DIGITS else -1
    if not least <= value <= most:
        field = name.decode("ascii")
        raise HTTPError(400, f"{field} is a number from {least} to {most}.", param=field)
    return value
