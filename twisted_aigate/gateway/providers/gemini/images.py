"""Images that a request names by their address: the Gemini API wants them carried."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Protocol

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.chats.media import DataURL
from twisted_aigate.http_client.guarded import FetchFailed
from twisted_aigate.http_client.messages import Fields
from twisted_aigate.kernel.units import MB, SECOND

_LARGEST = 20 * MB
_MOST = 64 * MB
"""Of all of a request's: they are held in memory until it is sent."""
_FETCH_TIMEOUT = 30 * SECOND
_ACCEPT = (b"Accept", b"image/png, image/jpeg, image/webp, image/heic, image/gif, application/pdf")
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (0, b"%PDF-", "application/pdf"),
)


class Fetch(Protocol):
    """How they are fetched: L{twisted_aigate.http_client.guarded.GuardedFetch}, or a double."""

    async def fetch(self, url: str, most: int, timeout: float, fields: Fields = ()) -> bytes:
        """
        Fetch a body.

        @raise FetchFailed: It is not to be had.
        """


async def fetched_images(urls: Iterable[str], fetch: Fetch) -> dict[str, DataURL]:
    """
    Images by their URL.

    @raise GatewayError: 400: one is not to be had, or no image; or they are too much.
    """
    found: dict[str, DataURL] = {}
    room = _MOST
    for url in dict.fromkeys(urls):
        if not room:
            raise _unusable(url, f"with those before it it is more than {_MOST} bytes")
        try:
            content = await fetch.fetch(url, min(_LARGEST, room), _FETCH_TIMEOUT, (_ACCEPT,))
        except FetchFailed as error:
            raise _unusable(url, str(error)) from None
        room -= len(content)
        kind = next((k for at, sign, k in _SIGNATURES if content.startswith(sign, at)), None)
        if kind is None:
            raise _unusable(url, "it is no image of a known kind")
        found[url] = DataURL(kind, base64.b64encode(content).decode("ascii"))
    return found


def _unusable(url: str, reason: str) -> GatewayError:
    return GatewayError(400, f"The image {url[:100]!r} cannot be used: {reason}.", param="messages")
