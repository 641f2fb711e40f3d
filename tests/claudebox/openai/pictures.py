"""Images, and what stands in for the fetching of them."""

from __future__ import annotations

from base64 import b64encode

from twisted.internet.defer import Deferred

from twisted_aigate.http_client.messages import Fields

PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 11
JPEG = b"\xff\xd8\xff\xe0jpeg"
GIF = b"GIF89a" + b"g" * 4
WEBP = b"RIFF\n\0\0\0WEBPVP8 "


def data_url(content: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{b64encode(content).decode()}"


class Fetcher:
    """
    Answers as it is told.

    @ivar answers: By URL: the body, what fails, or a Deferred of the body.
    @ivar asked: (URL, most bytes, time-out) of each call.
    """

    def __init__(self) -> None:
        self.answers: dict[str, bytes | Exception | Deferred[bytes]] = {}
        self.asked: list[tuple[str, int, float]] = []

    async def fetch(self, url: str, most: int, timeout: float, fields: Fields = ()) -> bytes:
        self.asked.append((url, most, timeout))
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, bytes) else await answer
