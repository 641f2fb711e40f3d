"""Pictures of a desktop, and pictures made smaller. For threads."""

from __future__ import annotations

import io

import mss
from mss.exception import ScreenShotError
from PIL import Image

from twisted_aigate.browser.errors import BrowserDied
from twisted_aigate.browser.scale import Scale


def resized(png: bytes, scale: Scale) -> bytes:
    """A PNG in another size."""
    picture = Image.open(io.BytesIO(png))
    return _png(picture.resize(scale.size(*picture.size), Image.Resampling.BILINEAR))


def _png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()


def _grab(display: int) -> Image.Image:
    try:
        with mss.MSS(display=f":{display}") as source:
            shot = source.grab(source.monitors[0])
    except (ScreenShotError, OSError) as error:
        raise BrowserDied(f"its display does not answer: {type(error).__name__}") from None
    return Image.frombytes("RGB", shot.size, shot.bgra, "raw", "BGRX")


def desktop_png(display: int) -> bytes:
    """
    A picture of a display's desktop.

    @raise BrowserDied: The display does not answer.
    """
    return _png(_grab(display))


def desktop_jpeg(display: int, width: int, quality: int) -> bytes:
    """
    A picture of a display's desktop, for a stream of them.

    @param width: Pixels.
    @raise BrowserDied: The display does not answer.
    """
    picture = _grab(display)
    size = Scale(width=width).size(*picture.size)
    out = io.BytesIO()
    picture.resize(size, Image.Resampling.BILINEAR).save(out, "JPEG", quality=quality)
    return out.getvalue()
