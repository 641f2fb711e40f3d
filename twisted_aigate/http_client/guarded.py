"""
Fetching what an outsider names, without being led to where outsiders have no business.

A host's name is resolved here, once for each connection, and the connection goes to an address that
was checked: there is no second lookup that could answer otherwise (DNS rebinding). Redirects are
followed here as well, each checked like the first URL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import quote, urljoin, urlsplit

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IHostResolution,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from zope.interface import implementer

from twisted_aigate import __version__
from twisted_aigate.http_client.client import CONNECT_TIMEOUT, ClientReactor, HTTPClient
from twisted_aigate.http_client.errors import ConnectFailed, UpstreamError
from twisted_aigate.http_client.messages import Fields, Origin, OutgoingRequest, split_url
from twisted_aigate.http_client.response import Response

Resolve = Callable[[str, int], Deferred[list[str]]]
"""The addresses of a host for a port; none: it has none."""

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_LITERAL_V6 = re.compile(r"[0-9A-Fa-f:.]+")
_USER_AGENT = (b"User-Agent", f"aigate/{__version__}".encode("ascii"))
_URL_SAFE = "!#$%&'()*+,-./:;=?@[]_~"


class FetchFailed(Exception):
    """What was named is not to be had; the text says why, without what is not the caller's."""


@frozen
class _Target:
    origin: Origin
    path: bytes


@frozen
class _Redirect:
    location: bytes | None


class GuardedFetch:
    """
    Fetches over HTTP from hosts that are allowed.

    @param reactor: What connects, and where time-outs live.
    @param resolve: Finds a host's addresses; see L{name_resolver}.
    @param allowed: Whether an address may be connected to; such as
        L{twisted_aigate.kernel.addresses.is_public}.
    """

    def __init__(
        self, reactor: ClientReactor, resolve: Resolve, allowed: Callable[[str], bool]
    ) -> None:
        self._reactor = reactor
        self._resolve = resolve
        self._allowed = allowed

    async def fetch(self, url: str, most: int, timeout: float, fields: Fields = ()) -> bytes:
        """
        Fetch a body, following redirects.

        @param most: The most bytes that it may have.
        @param timeout: Seconds that all of it may take.
        @param fields: Header fields to send beside C{Host} and C{User-Agent}.
        @raise FetchFailed: It is not to be had. Cancelling cuts the connection.
        """
        fetching = Deferred.fromCoroutine(self._follow(url, most, timeout, fields))
        fetching.addTimeout(timeout, self._reactor)
        try:
            return await fetching
        except TimeoutError:
            raise FetchFailed(f"it took longer than {timeout:g} s") from None

    async def _follow(self, url: str, most: int, timeout: float, fields: Fields) -> bytes:
        for _ in range(_MOST_REDIRECTS + 1):
            target = _target(url)
            request = OutgoingRequest(b"GET", target.path, (_USER_AGENT, *fields))
            try:
                got = await self._hop(target.origin, request, most, timeout)
            except UpstreamError as error:
                raise FetchFailed(str(error)) from None
            if isinstance(got, bytes):
                return got
            url = _next_url(url, got.location)
        raise FetchFailed(f"it is redirected more than {_MOST_REDIRECTS} times")

    async def _hop(
        self, origin: Origin, request: OutgoingRequest, most: int, timeout: float
    ) -> bytes | _Redirect:
        failure = ConnectFailed("no address")
        for address in await self._addresses(origin):
            client = HTTPClient(self._reactor, partial(self._endpoint, address))
            try:
                response = await client.request(origin, request, timeout)
                if response.status in _REDIRECTS:
                    return _Redirect(response.field(b"location"))
                return await _body(response, most)
            except ConnectFailed as error:
                failure = error
            finally:
                client.close()
        raise failure

    async def _addresses(self, origin: Origin) -> list[str]:
        found = await self._resolve(origin.host, origin.port)
        if not found:
            raise FetchFailed(f"the host {origin.host!r} is not known")
        allowed = [address for address in found if self._allowed(address)]
        if not allowed:
            raise FetchFailed(f"the host {origin.host!r} has no public address")
        return allowed

    def _endpoint(self, address: str, origin: Origin) -> IStreamClientEndpoint:
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        tcp = kind(self._reactor, address, origin.port, timeout=CONNECT_TIMEOUT)
        if origin.scheme == "http":
            return tcp
        # Imported when it is first needed: OpenSSL costs 15 MB and a tenth of a second.
        from twisted.internet.ssl import optionsForClientTLS

        return wrapClientTLS(optionsForClientTLS(origin.host), tcp)


def _target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        origin, _ = split_url(url)
    except ValueError:
        raise FetchFailed("it is no http or https URL") from None
    if parts.username is not None:
        raise FetchFailed("its URL carries credentials")
    if not (_NAME if ":" not in origin.host else _LITERAL_V6).fullmatch(origin.host):
        raise FetchFailed("its URL names no valid host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # What is no part of a URL could be taken for the request's end.
    return _Target(origin, quote(path, safe=_URL_SAFE).encode("ascii"))


def _next_url(url: str, location: bytes | None) -> str:
    if location is None:
        raise FetchFailed("it is redirected to nowhere")
    try:
        return urljoin(url, location.decode("utf-8", "replace"))
    except ValueError:
        raise FetchFailed("it is redirected to what is no URL") from None


async def _body(response: Response, most: int) -> bytes:
    if response.status != 200:
        raise FetchFailed(f"the server answers {response.status}")
    collected = _Collector(most)
    producing = response.startProducing(collected)
    collected.bind(producing.cancel)
    try:
        await producing
    except CancelledError:
        if not collected.full:
            raise
    if collected.full:
        raise FetchFailed(f"it has more than {most} bytes")
    return b"".join(collected.parts)


@implementer(IConsumer)
class _Collector:
    """Keeps what comes, up to a limit; beyond it, whoever produces is stopped."""

    def __init__(self, most: int) -> None:
        self.parts: list[bytes] = []
        self.full = False
        self._room = most
        self._stop: Callable[[], None] | None = None

    def bind(self, stop: Callable[[], None]) -> None:
        """What stops the producer, which may have produced already."""
        self._stop = stop
        if self.full:
            stop()

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """See L{IConsumer}."""

    def unregisterProducer(self) -> None:
        """See L{IConsumer}."""

    def write(self, data: bytes) -> None:
        """See L{IConsumer}."""
        self._room -= len(data)
        if self._room >= 0:
            self.parts.append(data)
        elif not self.full:
            self.full = True
            if self._stop is not None:
                self._stop()


def name_resolver(reactor: ClientReactor) -> Resolve:
    """
    Resolves names as the reactor does.

    Cancelling leaves the lookup, which nothing can stop, to end by itself.
    """

    def resolve(host: str, port: int) -> Deferred[list[str]]:
        found: Deferred[list[str]] = Deferred()
        reactor.nameResolver.resolveHostName(_Receiver(found), host, portNumber=port)
        return found

    return resolve


@implementer(IResolutionReceiver)
class _Receiver:
    def __init__(self, found: Deferred[list[str]]) -> None:
        self._found = found
        self._addresses: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        pass

    def addressResolved(self, address: IAddress) -> None:
        host = getattr(address, "host", None)
        if host is not None and host not in self._addresses:
            self._addresses.append(host)

    def resolutionComplete(self) -> None:
        self._found.callback(self._addresses)
