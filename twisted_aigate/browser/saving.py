"""Pictures that are kept in storage, their URL told in their place."""

from __future__ import annotations

from typing import Any

from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.browser.pictures import PNG, PictureToSave
from twisted_aigate.interfaces import ToolError, Uploads
from twisted_aigate.kernel.identifiers import new_id


async def save_pictures(value: Any, uploads: Uploads | None, base_url: str) -> Any:
    """
    Keep the pictures that are among what actions have found.

    @param value: What was found.
    @param uploads: Where they are kept; C{None}: nowhere.
    @param base_url: Scheme and authority at which they will be asked for.
    @return: The same, with their URLs in place of themselves.
    @raise BrowserError: They cannot be kept.
    """
    if isinstance(value, list):
        return [await save_pictures(item, uploads, base_url) for item in value]
    if not isinstance(value, dict):
        return value
    picture = value.get("picture")
    if not isinstance(picture, PictureToSave):
        return {name: await save_pictures(item, uploads, base_url) for name, item in value.items()}
    if uploads is None:
        raise BrowserError(409, "Storage is off: there is nowhere to save a picture.")
    name = f"screenshots/{new_id()}.png"
    try:
        url = await uploads.keep(picture.png, name, PNG, base_url)
    except ToolError as error:
        raise BrowserError(502, f"The picture could not be saved: {error.message}") from None
    return {"url": url, "media_type": PNG, "size": len(picture.png)}
