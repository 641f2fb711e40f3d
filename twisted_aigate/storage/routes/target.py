"""What a request is about: a bucket, a key, and which of S3's subresources."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from attrs import frozen

from twisted_aigate.storage.keys import checked_key
from twisted_aigate.storage.s3.canonical import parse_query
from twisted_aigate.storage.s3.errors import ErrorCode, S3Error
from twisted_aigate.web.request import Request

NUMBER = re.compile(r"[0-9]{1,18}")
"""What is taken for a number: a longer one is none that means anything."""


@frozen
class Target:
    """
    What is asked for.

    @ivar bucket: Its name; empty: the service itself.
    @ivar key: The object's; empty: the bucket itself.
    @ivar query: The query's fields, decoded; of those that come more than once, the first.
    """

    bucket: str
    key: str
    query: dict[str, str]

    def number(
        self, name: str, default: int | None = None, least: int = 0, most: int = 2**31
    ) -> int:
        """
        A field of the query that is a number.

        @param default: What it is when it is not there; C{None}: it must be.
        @raise S3Error: C{InvalidArgument}: it is none, or out of bounds.
        """
        text = self.query.get(name, "")
        if text == "" and default is not None:
            return default
        if not NUMBER.fullmatch(text) or not least <= int(text) <= most:
            raise S3Error(
                ErrorCode.InvalidArgument,
                f"{name} must be a whole number from {least} to {most}.",
                extra={"ArgumentName": name, "ArgumentValue": text},
            )
        return int(text)


def decoded(raw: bytes) -> str:
    """
    A percent-encoded piece of a path as text.

    @raise S3Error: It is not UTF-8, or holds a NUL.
    """
    try:
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise S3Error(ErrorCode.InvalidURI, "The path is not UTF-8.") from None
    if "\0" in text:
        raise S3Error(ErrorCode.InvalidURI, "A key cannot hold a NUL.")
    return text


def parse_target(request: Request) -> Target:
    """
    Find out what a request is about.

    The path is taken as the client sent it: a key may hold C{//}, C{..} or end in a slash.

    @raise S3Error: The path is not one.
    """
    bucket, _, key = request.subpath[1:].partition(b"/")
    query: dict[str, str] = {}
    try:
        for name, value in parse_query(request.query):
            query.setdefault(name.decode("utf-8"), value.decode("utf-8"))
    except UnicodeDecodeError:
        raise S3Error(ErrorCode.InvalidURI, "The query is not UTF-8.") from None
    return Target(decoded(bucket), checked_key(decoded(key)), query)
