"""What is known of a browser's traffic; asked by its own thread."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from twisted_aigate.browser.proxy.heads import Destination
from twisted_aigate.kernel.units import SECOND

_MOST_REFUSALS = 100
_ANSWER_DUE = 3 * SECOND
"""How long, after a browser has sent something through a tunnel, an answer counts as awaited."""

_REQUEST_SIZE = 64
"""What is smaller, in bytes, is no request but the upkeep of a connection."""


class Exchange:
    """
    A connection to a server.

    @param is_tunnel: Nothing is known of what goes through it but when, and how much.
    """

    def __init__(self, is_tunnel: bool) -> None:
        self.is_tunnel = is_tunnel
        self.sent_at: float | None = None

    def awaits(self, now: float) -> bool:
        """Whether an answer is awaited."""
        if not self.is_tunnel:
            return True
        return self.sent_at is not None and now - self.sent_at < _ANSWER_DUE


class ProxyTraffic:
    """
    A L{twisted_aigate.browser.browser.Traffic}.

    @param now: The time in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = now()
        self._exchanges: set[Exchange] = set()
        self._refusals: dict[str, str] = {}

    # For the browser's thread.

    def quiet_for(self) -> float:
        """See L{twisted_aigate.browser.browser.Traffic}."""
        now = self._now()
        # The list is made in one go: the reactor's thread may add to the set.
        if any(exchange.awaits(now) for exchange in list(self._exchanges)):
            return 0.0
        return now - self._last

    def refusal(self, url: str) -> str | None:
        """See L{twisted_aigate.browser.browser.Traffic}."""
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return self._refusals.get(str(Destination(parts.hostname or "", port)))

    # For the proxy.

    def began(self, exchange: Exchange) -> None:
        """A connection is wanted."""
        self._exchanges.add(exchange)
        self._last = self._now()

    def ended(self, exchange: Exchange) -> None:
        """It is closed."""
        self._exchanges.discard(exchange)
        self._last = self._now()

    def sent(self, exchange: Exchange, size: int) -> None:
        """The browser has sent something."""
        self._last = self._now()
        if size >= _REQUEST_SIZE:
            exchange.sent_at = self._last

    def received(self, exchange: Exchange) -> None:
        """The browser has got something."""
        self._last = self._now()
        exchange.sent_at = None

    def reached(self, to: Destination) -> None:
        """A server could be reached."""
        self._refusals.pop(str(to), None)

    def refused(self, to: Destination, why: str) -> None:
        """A server could not be, or may not."""
        if len(self._refusals) >= _MOST_REFUSALS:
            self._refusals.clear()
        self._refusals[str(to)] = why
