"""
Conditions and ranges of requests for objects.

Source: RFC 9110, sections 13 and 14, with S3's own words for what does not hold.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_aigate.storage.models import StoredObject
from twisted_aigate.storage.reading import Condition, no_condition, no_such_key
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.web.ranges import is_unchanged, matches, read_moment, read_range
from twisted_aigate.web.request import Request

_REPEATED = ("cache-control", "expires")
"""Header fields that a 304 repeats, beside the entity tag (RFC 9110, 15.4.5)."""


def _failed(condition: str) -> S3Error:
    return S3Error(ErrorCode.PreconditionFailed, extra={"Condition": condition})


def read_condition(request: Request, prefix: bytes = b"") -> Condition:
    """
    What a request for an object says of it.

    @param prefix: C{x-amz-copy-source-} for the source of a copy, whose failures are all 412.
    """
    if_match = request.joined_field(prefix + b"if-match")
    if_none_match = request.joined_field(prefix + b"if-none-match")
    if_modified = read_moment(request.field(prefix + b"if-modified-since"))
    if_unmodified = read_moment(request.field(prefix + b"if-unmodified-since"))
    if (if_match, if_none_match, if_modified, if_unmodified) == (None,) * 4:
        return no_condition

    def not_modified(condition: str, found: StoredObject) -> S3Error:
        if prefix:
            return _failed(condition)
        kept = {name: found.headers[name] for name in _REPEATED if name in found.headers}
        return S3Error(ErrorCode.NotModified, extra={"etag": f'"{found.etag}"', **kept})

    def check(found: StoredObject | None) -> None:
        assert found is not None
        # HTTP dates have whole seconds.
        modified = int(found.uploaded_at)
        if if_match is not None:
            if not matches(if_match, found.etag, bare=True):
                raise _failed("If-Match")
        elif if_unmodified is not None and modified > if_unmodified:
            raise _failed("If-Unmodified-Since")
        if if_none_match is not None:
            if matches(if_none_match, found.etag, weakly=True, bare=True):
                raise not_modified("If-None-Match", found)
        elif if_modified is not None and modified <= if_modified:
            raise not_modified("If-Modified-Since", found)

    return check


def write_condition(request: Request, key: str) -> Condition:
    """
    What a request that writes an object says of the one that is there.

    @raise S3Error: C{NotImplemented}: an C{If-None-Match} other than C{*}.
    """
    if_match = request.field(b"if-match")
    if_none_match = request.field(b"if-none-match")
    if if_none_match is not None and if_none_match.strip() != b"*":
        raise S3Error(ErrorCode.NotImplemented, "If-None-Match takes * alone when writing.")
    if if_match is None and if_none_match is None:
        return no_condition

    def check(found: StoredObject | None) -> None:
        if if_none_match is not None and found is not None:
            raise _failed("If-None-Match")
        if if_match is not None:
            if found is None:
                raise no_such_key(key)
            if not matches(if_match, found.etag, bare=True):
                raise _failed("If-Match")

    return check


def wanted_span(
    request: Request, part_number: int | None
) -> tuple[Callable[[StoredObject], tuple[int, int]], Callable[[StoredObject], bool]]:
    """
    Which bytes a request wants.

    @param part_number: The part that it wants, if it names one.
    @return: A function from the object to (start, size), which raises C{InvalidRange}; and one
        that says whether that is a part of the object and so a 206.
    """
    wanted = read_range(request.field(b"range"))
    if_range = request.field(b"if-range")

    def is_fresh(found: StoredObject) -> bool:
        return is_unchanged(if_range, found.etag, found.uploaded_at, bare=True)

    def partial(found: StoredObject) -> bool:
        if part_number is not None:
            return found.size > 0
        return wanted is not None and is_fresh(found)

    def span(found: StoredObject) -> tuple[int, int]:
        if part_number is not None:
            return _part(found, part_number)
        if wanted is None or not is_fresh(found):
            return 0, found.size
        start, size = wanted.of(found.size)
        if size <= 0:
            raise S3Error(ErrorCode.InvalidRange, extra={"ActualObjectSize": str(found.size)})
        return start, size

    return span, partial


def _part(found: StoredObject, number: int) -> tuple[int, int]:
    sizes = found.part_sizes or (found.size,)
    if not 1 <= number <= len(sizes):
        raise S3Error(ErrorCode.InvalidRange, "The object has no such part.")
    return sum(sizes[: number - 1]), sizes[number - 1]
