"""
What a request says of the copy that its client has, and of the part that it wants.

Source: RFC 9110, sections 13 and 14.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

from attrs import frozen

_RANGE = re.compile(rb"bytes=([0-9]*)-([0-9]*)")
_MOST_DIGITS = 18


@frozen
class ByteRange:
    """
    A part of something.

    @ivar first: Its first byte; C{None}: it is the last C{last} bytes.
    @ivar last: Its last byte; C{None}: it goes to the end.
    """

    first: int | None
    last: int | None

    def of(self, size: int) -> tuple[int, int]:
        """
        Where it lies in what has C{size} bytes.

        @return: (start, size); a size that is not positive: there are no such bytes.
        """
        if self.first is None:
            count = min(self.last or 0, size)
            return size - count, count
        end = size - 1 if self.last is None else min(self.last, size - 1)
        return self.first, end - self.first + 1


def read_range(value: bytes | None) -> ByteRange | None:
    """
    The part that C{Range} names.

    @return: C{None}: it is the whole that is wanted, as it is where the field is not valid, or
        names several parts (14.1.1).
    """
    match = None if value is None else _RANGE.fullmatch(value.strip())
    if match is None:
        return None
    first, last = (_number(digits) for digits in match.groups())
    if first is None and last is None:
        return None
    if first is not None and last is not None and last < first:
        return None
    return ByteRange(first, last)


def _number(digits: bytes) -> int | None:
    if len(digits) > _MOST_DIGITS:
        # It lies behind the end of everything.
        digits = b"9" * _MOST_DIGITS
    return int(digits) if digits else None


def read_moment(value: bytes | None) -> float | None:
    """A field's date, in seconds of Unix time; C{None}: it has none."""
    if value is None:
        return None
    try:
        return parsedate_to_datetime(value.decode("latin-1")).timestamp()
    except (ValueError, TypeError):
        return None


def matches(tags: bytes, etag: str, *, weakly: bool = False, bare: bool = False) -> bool:
    """
    Whether an entity tag is among those that a field lists.

    @param weakly: Nothing but a fresh copy is at stake: weak tags match too (8.8.3.2).
    @param bare: Tags without their quotes match too, as S3 has it.
    """
    wanted = [tag.strip() for tag in tags.split(b",")]
    if weakly:
        wanted = [tag.removeprefix(b"W/") for tag in wanted]
    known = etag.encode("ascii")
    return b"*" in wanted or b'"%b"' % known in wanted or (bare and known in wanted)


def is_unchanged(if_range: bytes | None, etag: str, modified: float, *, bare: bool = False) -> bool:
    """
    Whether a part may be given: what has changed meanwhile is wanted whole (13.1.5).

    @param if_range: The field C{If-Range}.
    @param modified: Seconds of Unix time.
    @param bare: See L{matches}.
    """
    if if_range is None:
        return True
    moment = read_moment(if_range) if b'"' not in if_range else None
    if moment is not None:
        # HTTP dates have whole seconds.
        return int(modified) == moment
    return b"*" not in if_range and matches(if_range, etag, bare=bare)
