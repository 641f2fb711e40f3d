"""Actions on what pages ask of, and give to, the person before them: dialogs and files."""

from __future__ import annotations

import base64
import binascii
import contextlib
from typing import Annotated, Any

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data, Selector
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.dialogs import Dialog
from twisted_aigate.browser.errors import ActionFailed
from twisted_aigate.kernel.units import MB

_MOST_CONTENT = 32 * MB
_UNFINISHED = ".crdownload"


class HandleDialog(Action, frozen=True):
    """Answer the dialog that is open, or else the next one; unasked, all are accepted."""

    accept: bool = True
    text: Annotated[str, Meta(description="typed into a prompt")] | None = None


def handle_dialog(browser: Browser, asked: HandleDialog) -> Data:
    """Answer a dialog."""
    dialogs = browser.page.dialogs
    dialogs.prepare(asked.accept, asked.text)
    is_open = browser.page.open_dialog() is not None
    if is_open:
        browser.page.meet_dialog()
    return {"handled": is_open, "dialog": _told(dialogs.last) if is_open else None}


class GetLastDialog(Action, frozen=True):
    """The last dialog: what it said, and how it was answered."""


def get_last_dialog(browser: Browser, asked: GetLastDialog) -> Data:
    """Tell of the last dialog."""
    browser.page.meet_dialog()
    return {"dialog": _told(browser.page.dialogs.last)}


def _told(dialog: Dialog | None) -> Data | None:
    if dialog is None:
        return None
    return {"message": dialog.message, "accepted": dialog.accepted, "text": dialog.text}


class UploadFile(Action, frozen=True):
    """Give a file to a file field."""

    selector: Selector
    name: Annotated[
        str, Meta(min_length=1, max_length=200, pattern=r"^[^/\x00]+$", description="the file's")
    ]
    content: Annotated[str, Meta(description="base64")]


def upload_file(browser: Browser, asked: UploadFile) -> Data:
    """Put a file into the field."""
    try:
        content = base64.b64decode(asked.content, validate=True)
    except binascii.Error:
        raise ActionFailed("content is not base64") from None
    if asked.name in (".", ".."):
        raise ActionFailed("no valid name")
    element = browser.page.find(asked.selector)
    browser.uploads.mkdir(parents=True, exist_ok=True)
    path = browser.uploads / asked.name
    path.write_bytes(content)
    browser.page.send_keys(element, str(path.absolute()))
    return {"name": asked.name, "size": len(content)}


class GetDownloads(Action, frozen=True):
    """The files that were downloaded; of one that is named, its content in base64."""

    name: str | None = None


def get_downloads(browser: Browser, asked: GetDownloads) -> Data:
    """List what was downloaded."""
    if browser.downloads is None:
        raise ActionFailed("the downloads of a Grid's browser are out of reach")
    told: list[Data] = []
    for path in sorted(browser.downloads.iterdir()):
        # One that is done just now gets another name.
        with contextlib.suppress(FileNotFoundError):
            size, complete = path.stat().st_size, path.suffix != _UNFINISHED
            name = path.name.removesuffix(_UNFINISHED)
            told.append({"name": name, "size": size, "complete": complete})
    if asked.name is None:
        return {"downloads": told}
    chosen = next((file for file in told if file["name"] == asked.name and file["complete"]), None)
    if chosen is None:
        raise ActionFailed(f"there is no download {asked.name!r}")
    if chosen["size"] > _MOST_CONTENT:
        raise ActionFailed(f"it has more than {_MOST_CONTENT} bytes")
    content = (browser.downloads / asked.name).read_bytes()
    encoded = base64.b64encode(content).decode("ascii")
    return {"downloads": told, "name": asked.name, "content": encoded}


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("handle_dialog", HandleDialog, handle_dialog),
    ActionType("get_last_dialog", GetLastDialog, get_last_dialog),
    ActionType("upload_file", UploadFile, upload_file),
    ActionType("get_downloads", GetDownloads, get_downloads),
)
