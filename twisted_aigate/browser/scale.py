"""How large a picture is wanted."""

from __future__ import annotations

from attrs import frozen


@frozen
class Scale:
    """
    How large a picture is wanted; without a word, as it is.

    @ivar longer: Pixels of its longer side.
    @ivar width: Pixels.
    @ivar height: Pixels; of width and height alone, the other follows.
    """

    longer: int | None = None
    width: int | None = None
    height: int | None = None

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size that a picture of this size gets."""
        if self.longer is not None:
            share = self.longer / max(width, height)
            wanted = (width * share, height * share)
        elif self.width is not None and self.height is not None:
            wanted = (self.width, self.height)
        elif self.width is not None:
            wanted = (self.width, height * self.width / width)
        elif self.height is not None:
            wanted = (width * self.height / height, self.height)
        else:
            return width, height
        return max(round(wanted[0]), 1), max(round(wanted[1]), 1)

    def apply(self, png: bytes) -> bytes:
        """A PNG of the size wanted."""
        if self == Scale():
            return png
        # Imported when it is first needed: Pillow costs memory that few servers have a use for.
        from twisted_aigate.browser.screen import resized

        return resized(png, self)
