"""Images of a conversation: those that it carries, and those that it names."""

from __future__ import annotations

import binascii
import re
from typing import Protocol, TypeAlias

from attrs import field, frozen

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.http_client.guarded import FetchFailed
from twisted_aigate.http_client.messages import Fields
from twisted_aigate.kernel.units import MB, SECOND

LARGEST_IMAGE = 20 * MB
FETCH_TIMEOUT = 30 * SECOND

_DATA_URL = re.compile(r"data:(image/(?:png|jpe?g|gif|webp))((?:;[^;,]*)*);base64,", re.IGNORECASE)
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "png"),
    (re.compile(rb"\xff\xd8\xff"), "jpg"),
    (re.compile(rb"GIF8[79]a"), "gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "webp"),
)
_ACCEPT = (b"Accept", b"image/png, image/jpeg, image/gif, image/webp")
_SHOWN = 100


class Fetch(Protocol):
    """How images are fetched: L{twisted_aigate.http_client.guarded.GuardedFetch}, or a double."""

    async def fetch(self, url: str, most: int, timeout: float, fields: Fields = ()) -> bytes:
        """
        Fetch a body.

        @raise FetchFailed: It is not to be had.
        """


@frozen
class CarriedImage:
    """An image that came in a data URL."""

    content: bytes = field(repr=False)


@frozen
class LinkedImage:
    """An image that is to be fetched."""

    url: str


Image: TypeAlias = CarriedImage | LinkedImage


def parse_image(url: str) -> Image:
    """
    The image that a URL is, or tells the place of.

    @raise ClaudeboxError: 400: it is no such URL, or carries what is no image or too large a one.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in ("http", "https"):
        return LinkedImage(url)
    if scheme != "data":
        raise _unusable(url, "it must be a data URL, or one of http or https")
    head = _DATA_URL.match(url)
    if head is None:
        raise _unusable(
            url, "a data URL must begin as data:image/png;base64, does (or jpeg, gif, webp)"
        )
    if (len(url) - head.end()) // 4 * 3 > LARGEST_IMAGE + 2:
        raise _unusable(url, _TOO_LARGE)
    try:
        content = binascii.a2b_base64(url[head.end() :], strict_mode=True)
    except ValueError as error:
        raise _unusable(url, f"its base64 is not valid: {error}") from None
    _check(url, content)
    return CarriedImage(content)


async def image_content(image: Image, fetch: Fetch) -> bytes:
    """
    An image's bytes, which are those of a PNG, JPEG, GIF or WebP.

    @param fetch: Fetches a linked one.
    @raise ClaudeboxError: 400: it is not to be had, or no such image.
    """
    if isinstance(image, CarriedImage):
        return image.content
    try:
        content = await fetch.fetch(image.url, LARGEST_IMAGE, FETCH_TIMEOUT, (_ACCEPT,))
    except FetchFailed as error:
        raise _unusable(image.url, str(error)) from None
    _check(image.url, content)
    return content


def extension(content: bytes) -> str | None:
    """
    The extension of the file that an image belongs in, told by its signature and not by its name.

    @return: C{None}: it is no PNG, JPEG, GIF or WebP.
    """
    for signature, name in _SIGNATURES:
        if signature.match(content):
            return name
    return None


_TOO_LARGE = f"it has more than {LARGEST_IMAGE // MB} MB"


def _check(url: str, content: bytes) -> None:
    if len(content) > LARGEST_IMAGE:
        raise _unusable(url, _TOO_LARGE)
    if extension(content) is None:
        raise _unusable(url, "it is no PNG, JPEG, GIF or WebP")


def _unusable(url: str, reason: str) -> ClaudeboxError:
    shown = url if len(url) <= _SHOWN else url[:_SHOWN] + "…"
    return ClaudeboxError(400, f"The image {shown!r} cannot be used: {reason}.")
