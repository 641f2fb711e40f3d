"""
Request heads, strictly: RFC 9112 as llhttp enforces it, and what it leaves to us.

llhttp (through httptools) refuses both length headers at once, bad chunk sizes, obs-fold, white
space before a colon, bare line feeds and control characters in values.
"""

from __future__ import annotations

import re
from typing import Protocol

import httptools

from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.websocket.offer import WebSocketOffer, websocket_offer

HEAD_LIMIT = 64 * 1024
"""Bytes that a request's head, or the framing between two pieces of its body, may take."""

_HEAD_TOO_LARGE = f"The request's head is larger than {HEAD_LIMIT} bytes."
# RFC 3986, 3.2.2: a name, an address, or an address in brackets; and a port.
_HOST = re.compile(rb"(?:\[[0-9A-Za-z.:%_-]*\]|[0-9A-Za-z._~%!$&'()*+,;=-]*)(?::[0-9]*)?")
_VERSIONS = {"1.0": b"HTTP/1.0", "1.1": b"HTTP/1.1"}


class Head:
    """
    The head of a request.

    @ivar method: Such as C{b"POST"}.
    @ivar uri: The request target as it was sent.
    @ivar version: C{b"HTTP/1.0"} or C{b"HTTP/1.1"}.
    @ivar fields: (lower-case name, value) in the order in which they came.
    @ivar length: The body's length in bytes; C{None} when it is chunked.
    @ivar persistent: The client will keep the connection.
    @ivar expects_continue: The client waits for C{100 Continue} before it sends the body.
    @ivar offer: The WebSocket that the client offers, if it does.
    """

    __slots__ = (
        "expects_continue",
        "fields",
        "length",
        "method",
        "offer",
        "persistent",
        "uri",
        "version",
    )

    def __init__(
        self,
        method: bytes,
        uri: bytes,
        version: bytes,
        fields: list[tuple[bytes, bytes]],
        persistent: bool,
    ) -> None:
        self.method = method
        self.uri = uri
        self.version = version
        self.fields = fields
        self.persistent = persistent and version == b"HTTP/1.1"
        self.length: int | None = 0
        self.expects_continue = False
        self.offer: WebSocketOffer | None = None
        hosts = 0
        for name, value in fields:
            if name == b"host":
                hosts += 1
                if not _HOST.fullmatch(value):
                    raise HTTPError(400, "The Host header is not a host.")
            elif name == b"content-length":
                self.length = int(value)
            elif name == b"transfer-encoding":
                # RFC 9112, 6.1: in an HTTP/1.0 message it is a smuggler's, or a fault.
                if version == b"HTTP/1.0":
                    raise HTTPError(400, "Transfer-Encoding in an HTTP/1.0 request.")
                if value.lower() != b"chunked":
                    raise HTTPError(400, "The only Transfer-Encoding taken is chunked.")
                self.length = None
            elif name == b"expect":
                if value.lower() != b"100-continue":
                    raise HTTPError(417, "The only expectation known is 100-continue.")
                self.expects_continue = version == b"HTTP/1.1"
        if hosts > 1 or (hosts == 0 and version == b"HTTP/1.1"):
            raise HTTPError(400, "An HTTP/1.1 request has exactly one Host header.")


class HeadConsumer(Protocol):
    """Who is told what was parsed."""

    def head_received(self, head: Head) -> None:
        """A head is complete."""

    def body_received(self, data: bytes) -> None:
        """Some of the body that belongs to the newest head."""

    def message_ended(self) -> None:
        """The newest head's body is complete."""


class RequestParser:
    """
    Turns a connection's bytes into heads and bodies.

    What stands behind the offer of a WebSocket is parsed when the offer is declined, and not
    before: if it is taken up, it is no HTTP.

    @param consumer: Told what was parsed, in the order in which it came.
    @ivar begun: Part of a request has come, and not yet all of it.
    @ivar held: The bytes behind an offer that nobody has answered yet; C{None}: there is no such
        offer.
    """

    def __init__(self, consumer: HeadConsumer) -> None:
        self._consumer = consumer
        self._parser = httptools.HttpRequestParser(self)
        self._uri = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self.begun = False
        self._in_head = True
        self._framing = 0
        self._head_size = 0
        self._body_behind_offer = False
        self._offered = False
        self.held: bytes | None = None
        self._error: HTTPError | None = None

    def feed(self, data: bytes) -> None:
        """
        Parse what came.

        @raise HTTPError: It is no HTTP request that we take; the connection cannot go on.
        """
        if self.held is not None:
            self.held += data
            return
        self._framing += len(data)
        try:
            while data:
                data = self._feed_until_upgrade(data)
        except httptools.HttpParserError as error:
            if self._error is not None:
                raise self._error from None
            raise HTTPError(400, f"The request is not valid HTTP: {error}.") from None
        if self._framing > HEAD_LIMIT:
            if self._in_head:
                raise HTTPError(431, _HEAD_TOO_LARGE)
            raise HTTPError(400, "The body has more framing than content.")

    def declined(self) -> None:
        """
        Go on behind an offer that was not taken up.

        @raise HTTPError: As L{feed}.
        """
        held, self.held = self.held, None
        if held:
            self.feed(held)

    def _feed_until_upgrade(self, data: bytes) -> bytes:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._error is not None:
                raise self._error from None
            # An offer to switch protocols (h2c, say) that we do not take up is an ordinary
            # request; llhttp stops behind its head and a new parser goes on with what follows.
            self._parser = httptools.HttpRequestParser(self)
            if self._body_behind_offer:
                self._parser.feed_data(self._head_of_body)
            rest = data[upgrade.args[0] :]
            if self._offered:
                self._offered = False
                self.held = rest
                return b""
            return rest
        return b""

    # httptools' callbacks.

    def on_message_begin(self) -> None:
        """A request starts."""
        self.begun = True
        if not self._body_behind_offer:
            self._in_head = True
            self._head_size = 0
            self._uri = b""
            self._fields = []

    def on_url(self, url: bytes) -> None:
        """Some of the request target."""
        if self._in_head:
            self._uri += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or, after the head, a trailer, which nothing here uses."""
        if self._in_head:
            self._head_size += len(name) + len(value) + 4
            self._fields.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._framing = 0
        if not self._in_head:
            return
        self._in_head = False
        parser = self._parser
        method = parser.get_method()
        version = _VERSIONS.get(parser.get_http_version())
        try:
            if self._head_size + len(self._uri) > HEAD_LIMIT:
                raise HTTPError(431, _HEAD_TOO_LARGE)
            if version is None:
                raise HTTPError(400, "This server speaks HTTP/1.0 and HTTP/1.1.")
            if method == b"CONNECT":
                raise HTTPError(400, "This is no proxy: CONNECT is not taken.")
            persistent = parser.should_keep_alive()
            head = Head(method, self._uri, version, self._fields, persistent)
        except HTTPError as error:
            self._error = error
            raise
        if parser.should_upgrade() and head.length == 0:
            head.offer = websocket_offer(method, head.fields) if head.persistent else None
            self._offered = head.offer is not None
        elif parser.should_upgrade():
            # llhttp takes what follows an offer for the other protocol. The body is parsed behind
            # a head that says no more than how long it is.
            length = (
                b"Content-Length: %d" % head.length
                if head.length is not None
                else (b"Transfer-Encoding: chunked")
            )
            self._body_behind_offer = True
            self._head_of_body = b"POST / HTTP/1.1\r\n%b\r\n\r\n" % length
        self._consumer.head_received(head)

    def on_body(self, data: bytes) -> None:
        """Some of the body."""
        self._framing = 0
        self._consumer.body_received(data)

    def on_message_complete(self) -> None:
        """The request is complete, save for a body that stands behind an offer."""
        self._framing = 0
        if self._body_behind_offer and self._parser.should_upgrade():
            return
        self._body_behind_offer = False
        self.begun = False
        self._in_head = True
        self._consumer.message_ended()
