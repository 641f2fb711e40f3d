"""What a call says of the cache."""

from __future__ import annotations

from typing import Annotated

import msgspec
from attrs import evolve, frozen
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0)]


class CacheField(msgspec.Struct, rename="kebab"):
    """C{cache} in the body of a request; see L{Controls}."""

    no_cache: bool | None = None
    no_store: bool | None = None
    use_cache: bool | None = None
    ttl: Seconds | None = None
    s_maxage: Seconds | None = None
    namespace: str | None = None


@frozen
class Controls:
    """
    What is asked of the cache.

    @ivar no_cache: Do not answer from it.
    @ivar no_store: Do not keep the answer.
    @ivar use_cache: Use it where it is used only when that is asked for.
    @ivar ttl: Seconds to keep the answer; C{None}: as long as any.
    @ivar s_maxage: The age in seconds that an answer may have; C{None}: any.
    @ivar namespace: A part of the cache; C{None}: the common one.
    """

    no_cache: bool = False
    no_store: bool = False
    use_cache: bool = False
    ttl: float | None = None
    s_maxage: float | None = None
    namespace: str | None = None


NONE = Controls()
"""Nothing is asked."""


def read_controls(said: CacheField | None, header: bytes | None) -> Controls:
    """
    What a request asks.

    @param said: Its body's C{cache}.
    @param header: Its C{Cache-Control} (RFC 9111, 5.2.1), of which C{no-cache}, C{no-store} and
        C{max-age} count; the body wins.
    """
    if said is None and header is None:
        return NONE
    controls = NONE if header is None else _of_header(header)
    if said is None:
        return controls
    asked = msgspec.structs.asdict(said)
    return evolve(controls, **{name: value for name, value in asked.items() if value is not None})


def _of_header(header: bytes) -> Controls:
    words = [word.strip() for word in header.decode("latin-1").lower().split(",")]
    ages = [word.partition("=")[2] for word in words if word.startswith(("max-age=", "s-maxage="))]
    return Controls(
        no_cache="no-cache" in words,
        no_store="no-store" in words,
        s_maxage=min((int(age) for age in ages if age.isdecimal()), default=None),
    )
