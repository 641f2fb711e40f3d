"""A picture on its way from a browser to storage."""

from __future__ import annotations

from attrs import frozen

PNG = "image/png"


@frozen
class PictureToSave:
    """
    A picture that is kept when the browser is free again, and whose URL is told in its place.

    @ivar png: It, as PNG.
    """

    png: bytes
