"""Actions on what pages keep: cookies and storage."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from twisted_aigate.browser.actions.base import Action, ActionType, Data
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.errors import ActionFailed

_GET_STORAGE = """
const store = arguments[0] === 'local' ? localStorage : sessionStorage;
return arguments[1] === null ? {...store} : {[arguments[1]]: store.getItem(arguments[1])};
"""
_SET_STORAGE = """
const store = arguments[0] === 'local' ? localStorage : sessionStorage;
arguments[2] === null ? store.removeItem(arguments[1]) : store.setItem(arguments[1], arguments[2]);
"""
_Name = Annotated[str, Meta(min_length=1)]
_Area = Annotated[Literal["local", "session"], Meta(description="which of the page's storages")]


class GetCookies(Action, frozen=True):
    """The browser's cookies: all, or those that addresses would be sent."""

    urls: list[str] | None = None


def get_cookies(browser: Browser, asked: GetCookies) -> Data:
    """List cookies."""
    if asked.urls is None:
        found = browser.page.devtools("Storage.getCookies")["cookies"]
    else:
        found = browser.page.devtools("Network.getCookies", {"urls": asked.urls})["cookies"]
    return {"cookies": found}


class SetCookie(Action, frozen=True):
    """Set a cookie, for the page that is shown if no address or domain is named."""

    name: _Name
    value: str
    url: str | None = None
    domain: str | None = None
    path: str = "/"
    expires: Annotated[float, Meta(description="Unix time; without it, when it ends")] | None = None
    secure: bool = False
    http_only: bool = False
    same_site: Literal["Strict", "Lax", "None"] | None = None


def set_cookie(browser: Browser, asked: SetCookie) -> Data:
    """Set a cookie."""
    cookie: dict[str, Any] = {
        "name": asked.name,
        "value": asked.value,
        "url": asked.url,
        "domain": asked.domain,
        "path": asked.path,
        "expires": asked.expires,
        "secure": asked.secure,
        "httpOnly": asked.http_only,
        "sameSite": asked.same_site,
    }
    if asked.url is None and asked.domain is None:
        cookie["url"] = browser.page.info().url
    wanted = {key: value for key, value in cookie.items() if value is not None}
    if not browser.page.devtools("Network.setCookie", wanted).get("success", False):
        raise ActionFailed("the browser refuses the cookie")
    return {"name": asked.name}


class DeleteCookies(Action, frozen=True):
    """Delete cookies: all, or those of a name."""

    name: _Name | None = None
    domain: str | None = None


def delete_cookies(browser: Browser, asked: DeleteCookies) -> Data:
    """Delete cookies."""
    cookies = browser.page.devtools("Storage.getCookies")["cookies"]
    chosen = [
        cookie
        for cookie in cookies
        if asked.name in (None, cookie["name"])
        and (asked.domain is None or cookie["domain"].lstrip(".") == asked.domain.lstrip("."))
    ]
    for cookie in chosen:
        same = {key: cookie[key] for key in ("name", "domain", "path")}
        if "partitionKey" in cookie:
            same["partitionKey"] = cookie["partitionKey"]
        browser.page.devtools("Network.deleteCookies", same)
    return {"deleted": len(chosen)}


class GetStorage(Action, frozen=True):
    """What the page keeps in its local or session storage."""

    type: _Area = "local"
    key: str | None = None


def get_storage(browser: Browser, asked: GetStorage) -> Data:
    """Read the page's storage."""
    return {"storage": browser.page.script(_GET_STORAGE, asked.type, asked.key)}


class SetStorage(Action, frozen=True):
    """Keep something there; without a value it is removed."""

    key: _Name
    value: str | None = None
    type: _Area = "local"


def set_storage(browser: Browser, asked: SetStorage) -> Data:
    """Write to the page's storage."""
    browser.page.script(_SET_STORAGE, asked.type, asked.key, asked.value)
    return {"key": asked.key}


ACTIONS: tuple[ActionType[Any], ...] = (
    ActionType("get_cookies", GetCookies, get_cookies),
    ActionType("set_cookie", SetCookie, set_cookie),
    ActionType("delete_cookies", DeleteCookies, delete_cookies),
    ActionType("get_storage", GetStorage, get_storage),
    ActionType("set_storage", SetStorage, set_storage),
)
