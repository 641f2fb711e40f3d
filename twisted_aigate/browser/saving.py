"""Pictures that are kept in storage, their URL told in their place."""

from __future__ import annotations

import base64
from typing import Any

from twisted_aigate.browser.errors import BrowserError
from twisted_aigate.interfaces import ToolError, Uploads
from twisted_aigate.kernel.identifiers import new_id

_SAVE = "save"


async def save_pictures(value: Any, uploads: Uploads | None, base_url: str) -> Any:
    """
    Keep the pictures in what actions have found that say so.

    @param value: What was found.
    @param uploads: Where they are kept; C{None}: nowhere.
    @param base_url: Scheme and authority at which they will be asked for.
    @return: The same, with their C{url} in place of their C{image}.
    @raise BrowserError: They cannot be kept.
    """
    if isinstance(value, list):
        return [await save_pictures(item, uploads, base_url) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get(_SAVE) is not True or "image" not in value:
        return {name: await save_pictures(item, uploads, base_url) for name, item in value.items()}
    if uploads is None:
        raise BrowserError(409, "Storage is off: there is nowhere to save a picture.")
    picture = base64.b64decode(value["image"])
    name = f"screenshots/{new_id()}.png"
    try:
        url = await uploads.keep(picture, name, value["media_type"], base_url)
    except ToolError as error:
        raise BrowserError(502, f"The picture could not be saved: {error.message}") from None
    rest = {key: item for key, item in value.items() if key not in ("image", _SAVE)}
    return {**rest, "url": url, "size": len(picture)}
