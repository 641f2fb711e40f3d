"""Where a page may be sent at all; what it then connects to is the proxy's business."""

from __future__ import annotations

from urllib.parse import urlsplit

from twisted_aigate.browser.errors import ActionFailed

_SCHEMES = frozenset(("http", "https", "data", "about", "blob"))
_HOSTED = frozenset(("http", "https"))


def checked_url(url: str) -> str:
    """
    See whether an address may be opened: C{file:}, C{chrome:}, C{view-source:} and their like not.

    @return: It, without blanks around it.
    @raise ActionFailed: It may not.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ActionFailed(f"no valid URL: {url[:200]!r}") from None
    if not parts.scheme:
        raise ActionFailed(f"not an absolute URL: {url[:200]!r}")
    if parts.scheme.lower() not in _SCHEMES:
        raise ActionFailed(f"refused: {parts.scheme}: addresses are not opened")
    if parts.scheme.lower() in _HOSTED and not parts.hostname:
        raise ActionFailed(f"no valid URL: {url[:200]!r}")
    return url
