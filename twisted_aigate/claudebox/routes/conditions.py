"""
Conditions and ranges of requests for files.

Source: RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from twisted_aigate.claudebox.files import OpenFile
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.request import Request

_RANGE = re.compile(rb"bytes=([0-9]*)-([0-9]*)")
_MOST_DIGITS = 18


def is_current(request: Request, file: OpenFile) -> bool:
    """Whether the client has the file as it is: the answer is then a 304."""
    tags = request.joined_field(b"if-none-match")
    if tags is not None:
        return _matches(tags.replace(b"W/", b""), file.etag)
    since = _moment(request.field(b"if-modified-since"))
    # HTTP dates have whole seconds.
    return since is not None and int(file.modified) <= since


def wanted_range(request: Request, file: OpenFile) -> tuple[int, int] | None:
    """
    Which bytes a request wants.

    @return: (start, size); C{None} for the whole file, also when the field is not valid, names
        several ranges, or the file has changed.
    @raise HTTPError: 416: there are no such bytes.
    """
    value = request.field(b"range")
    match = None if value is None else _RANGE.fullmatch(value.strip())
    # HEAD has no ranges (RFC 9110, 14.2).
    if match is None or request.method != b"GET" or not _is_unchanged(request, file):
        return None
    first, last = (_number(digits) for digits in match.groups())
    if first is None:
        if last is None:
            return None
        start, size = max(file.size - last, 0), min(last, file.size)
    else:
        if last is not None and last < first:
            return None
        end = file.size - 1 if last is None else min(last, file.size - 1)
        start, size = first, end - first + 1
    if size <= 0:
        whole = ((b"Content-Range", b"bytes */%d" % file.size),)
        raise HTTPError(416, f"The file has {file.size} bytes.", headers=whole)
    return start, size


def _is_unchanged(request: Request, file: OpenFile) -> bool:
    # RFC 9110, 13.1.5: what has changed meanwhile is wanted whole.
    value = request.field(b"if-range")
    if value is None:
        return True
    if b'"' in value:
        return b"*" not in value and _matches(value, file.etag)
    return _moment(value) == int(file.modified)


def _matches(tags: bytes, etag: str) -> bool:
    wanted = [tag.strip() for tag in tags.split(b",")]
    return b"*" in wanted or f'"{etag}"'.encode("ascii") in wanted


def _moment(value: bytes | None) -> float | None:
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp()
    except (ValueError, TypeError):
        return None


def _number(digits: bytes) -> int | None:
    if len(digits) > _MOST_DIGITS:
        # It lies behind the end of every file.
        digits = b"9" * _MOST_DIGITS
    return int(digits) if digits else None
