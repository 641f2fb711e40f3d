"""Data URLs (RFC 2397): images and files that a request carries."""

from __future__ import annotations

import binascii
import re

from attrs import field, frozen

from twisted_aigate.gateway.errors import GatewayError

_HEAD = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[^;,]*)*?(;base64)?,", re.IGNORECASE)
_OTHER_NAMES = {"image/jpg": "image/jpeg"}


@frozen
class DataURL:
    """
    What a data URL carries.

    @ivar media_type: Its media type.
    @ivar data: Its bytes in base64.
    """

    media_type: str
    data: str = field(repr=False)

    def content(self, where: str) -> bytes:
        """
        Its bytes.

        @raise GatewayError: 400: it is no base64.
        """
        try:
            return binascii.a2b_base64(self.data)
        except ValueError as error:
            raise GatewayError(400, f"{where}: not valid base64: {error}.", param=where) from None


def parse_data_url(url: str, where: str) -> DataURL | None:
    """
    What a data URL carries; C{None}: the URL is of another kind.

    @raise GatewayError: 400: it is a data URL of another form.
    """
    if url[:5].lower() != "data:":
        return None
    head = _HEAD.match(url)
    if head is None or head[2] is None:
        raise GatewayError(
            400, f"{where}: a data URL must begin as data:image/png;base64, does.", param=where
        )
    media_type = (head[1] or "application/octet-stream").lower()
    return DataURL(_OTHER_NAMES.get(media_type, media_type), url[head.end() :])
