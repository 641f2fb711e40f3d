"""Secrets: values that compare in constant time and never print themselves."""

from __future__ import annotations

import hashlib
import hmac
import secrets as _random
from typing import final


@final
class Secret:
    """
    A token or password.

    Its C{repr}, C{str} and format are a mask, so that no log line, error or settings dump can
    carry it; the value is had by L{reveal} alone.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.encode("utf-8")

    def reveal(self) -> str:
        """The secret itself, for the one place that must send it."""
        return self._value.decode("utf-8")

    def matches(self, candidate: bytes) -> bool:
        """Compare with what a client sent, in time that tells nothing of the value."""
        return hmac.compare_digest(self._value, candidate)

    def derive(self, purpose: str, prefix: str = "") -> Secret:
        """
        Another secret, made of this one and telling nothing of it: HMAC (RFC 2104).

        @param purpose: What it is for.
        @param prefix: What it begins with.
        """
        digest = hmac.new(self._value, purpose.encode("utf-8"), hashlib.sha256)
        return Secret(prefix + digest.hexdigest())

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('****')"

    __str__ = __repr__


def new_token(prefix: str = "") -> str:
    """
    A fresh random token of 32 bytes, URL-safe.

    @param prefix: Put before it, such as C{sk-}.
    """
    return prefix + _random.token_urlsafe(32)
