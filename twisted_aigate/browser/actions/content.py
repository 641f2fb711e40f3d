"""Actions that read a page."""

from __future__ import annotations

import base64
from typing import Annotated, Any, Literal

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data, Selector, Timeout
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed, PageHung
from twisted_aigate.browser.pictures import PNG, PictureToSave
from twisted_aigate.browser.scale import Scale

MOST_TEXT = 10_000
"""Characters of text that are told."""

_EXPRESSION = "(async () => (\n%s\n))()"
_BODY = "return (async () => {\n%s\n})();"
_TEXT = "const e = arguments[0] || document.body; return e ? e.innerText : '';"
_HTML = "return (arguments[0] || document.documentElement).outerHTML;"
_PAGE = """
return {url: location.href, title: document.title, ready_state: document.readyState,
  content_type: document.contentType, language: document.documentElement.lang,
  referrer: document.referrer, scroll: {x: scrollX, y: scrollY},
  viewport: {w: innerWidth, h: innerHeight, scale: devicePixelRatio},
  size: {w: document.documentElement.scrollWidth, h: document.documentElement.scrollHeight}};
"""
_Pixels = Annotated[int, Meta(ge=1, le=8192, description="pixels")]


class GetText(Action, frozen=True):
    """The text that the page, or an element, shows: 10,000 characters at most."""

    selector: Selector | None = None


def _chosen(browser: Browser, selector: str | None) -> Any:
    return None if selector is None else browser.page.find(selector)


def get_text(browser: Browser, asked: GetText) -> Data:
    """Read text."""
    text: str = browser.page.script(_TEXT, _chosen(browser, asked.selector))
    return {"text": text[:MOST_TEXT], "length": len(text), "truncated": len(text) > MOST_TEXT}


class GetHtml(Action, frozen=True):
    """The page, or an element, as HTML."""

    selector: Selector | None = None


def get_html(browser: Browser, asked: GetHtml) -> Data:
    """Read HTML."""
    html: str = browser.page.script(_HTML, _chosen(browser, asked.selector))
    return {"html": html, "length": len(html)}


class GetPageInfo(Action, frozen=True):
    """Address, title, sizes and scroll position of the page."""


def get_page_info(browser: Browser, asked: GetPageInfo) -> Data:
    """Read what the page says of itself."""
    found: Data = browser.page.script(_PAGE)
    return found


class EvalJs(Action, frozen=True):
    """Run JavaScript on the page; `data.result` is its value, a promise's when it has come."""

    expression: Annotated[
        str, Meta(min_length=1, description="an expression, or a function's body with `return`")
    ]
    timeout: Timeout = 30.0


def eval_js(browser: Browser, asked: EvalJs) -> Data:
    """Run JavaScript: as an expression, and when it is none, as a function's body."""
    expression = _EXPRESSION % asked.expression.strip().removesuffix(";")
    try:
        result = browser.page.script_within(asked.timeout, f"return {expression};")
    except ActionFailed as error:
        if isinstance(error, PageHung) or _is_valid(browser, expression):
            raise
        result = browser.page.script_within(asked.timeout, _BODY % asked.expression)
    return {"result": _plain(result)}


def _is_valid(browser: Browser, code: str) -> bool:
    asked = {"expression": code, "sourceURL": "", "persistScript": False}
    return "exceptionDetails" not in browser.page.devtools("Runtime.compileScript", asked)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return f"[{type(value).__name__}]"


class Screenshot(Action, frozen=True):
    """A picture of the page, or of the whole desktop, as PNG in `data.image` (base64)."""

    type: Literal["browser", "desktop"] = "browser"
    whLargest: Annotated[_Pixels, Meta(description="the longer side is made so long")] | None = None
    width: _Pixels | None = None
    height: _Pixels | None = None
    save: Annotated[bool, Meta(description="keep it in storage; `data.url` says where")] = False


def take_picture(browser: Browser, kind: str, scale: Scale) -> bytes:
    """A picture as PNG."""
    png = browser.page.png() if kind == "browser" else browser.desktop()
    return scale.apply(png)


def screenshot(browser: Browser, asked: Screenshot) -> Data:
    """Take a picture."""
    png = take_picture(browser, asked.type, Scale(asked.whLargest, asked.width, asked.height))
    if asked.save:
        return {"picture": PictureToSave(png)}
    return {"image": base64.b64encode(png).decode("ascii"), "media_type": PNG}


class ConsoleLogs(Action, frozen=True):
    """What pages have written to the console since this was last asked."""


def console_logs(browser: Browser, asked: ConsoleLogs) -> Data:
    """Read the console."""
    logs = [
        {
            "level": entry.get("level", ""),
            "source": entry.get("source", ""),
            "text": entry.get("message", ""),
            "timestamp": entry.get("timestamp", 0) / 1000,
        }
        for entry in browser.page.console()
    ]
    return {"logs": logs}


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("get_text", GetText, get_text),
    ActionType("get_html", GetHtml, get_html),
    ActionType("get_page_info", GetPageInfo, get_page_info),
    ActionType("eval_js", EvalJs, eval_js),
    ActionType("eval", EvalJs, eval_js),
    ActionType("screenshot", Screenshot, screenshot),
    ActionType("console_logs", ConsoleLogs, console_logs),
)
