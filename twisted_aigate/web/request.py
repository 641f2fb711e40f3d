"""A request on a L{twisted_aigate.web.channel.Channel}, and its response."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.python.components import Componentized
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import RESPONSES, parse_qs
from twisted.web.http_headers import Headers

from twisted_aigate.kernel.transports import IStreamTransport
from twisted_aigate.web.body import RequestBody
from twisted_aigate.web.errors import ErrorFormat, HTTPError
from twisted_aigate.web.errors import Headers as Fields
from twisted_aigate.web.parser import Head
from twisted_aigate.web.successor import Successor

if TYPE_CHECKING:
    from twisted_aigate.web.channel import Channel
    from twisted_aigate.web.site import Site

_ABSOLUTE_FORM = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
_NO_BODY = frozenset((204, 304))
_MAX_QUERY_FIELDS = 1000


def _single_line(value: bytes) -> bytes:
    # A response header that holds a line break would let its source write further headers.
    if b"\n" in value or b"\r" in value:
        return b" ".join(value.split())
    return value


def _origin_form(target: bytes) -> bytes:
    # A server takes the absolute form too (RFC 9112, 3.2.2).
    absolute = _ABSOLUTE_FORM.match(target)
    if absolute is None:
        return target
    rest = target[absolute.end() :]
    return rest if rest.startswith(b"/") else b"/" + rest


class Request(server.Request):
    """
    A request.

    It serves whatever renders L{twisted.web} requests (Klein, resources), and adds what the edge
    needs: the streaming body, the id, one call that answers.

    @ivar body: The body, as it arrives.
    @ivar id: The request's id.
    @ivar tree_prefix: The prefix of its tree.
    @ivar subpath: The path below its tree's prefix, as it was sent.
    @ivar client_address: The client's address as text, forwarding headers heeded.
    @ivar timeout: Seconds that the response may make no progress; 0: no end.
    @ivar patient: Its response may take any time to begin.
    @ivar errors: How errors are worded on this path.
    @ivar expects_continue: The client waits for C{100 Continue}, and none has been sent.
    @ivar offer: The WebSocket that the client offers, if it does.
    @ivar keeps_login: A 401 is answered as 403: to it, its client would forget another login.
    @ivar started_at: When it began, on the site's clock.
    """

    # Twisted's attributes, with the types that they have here.
    site: Site  # type: ignore[assignment]
    channel: Channel | None  # type: ignore[assignment]
    transport: IStreamTransport
    id = ""
    tree_prefix = b""
    subpath = b""
    client_address = ""
    errors: ErrorFormat
    timeout = 0.0
    patient = False
    keeps_login = False
    started_at = 0.0
    running: Deferred[None] | None = None

    def __init__(self, channel: Channel, head: Head) -> None:
        # Not the base class's: it wants a parsed body and builds Headers that most requests
        # never look at.
        Componentized.__init__(self)
        self.channel = channel
        self.site = channel.site
        self.transport = channel.transport
        self.body = RequestBody(channel, head.length)
        self.method = head.method
        self.uri = head.uri
        self.clientproto = head.version
        self.fields = head.fields
        self.path, _, self.query = _origin_form(head.uri).partition(b"?")
        self.notifications = []
        self.cookies = []
        self.queued = False
        self.prepath = []
        self.postpath = []
        self.expects_continue = head.expects_continue
        self.offer = head.offer
        self._request_headers: Headers | None = None
        self._response_headers: Headers | None = None
        self.interruption: HTTPError | None = None

    # The request.

    def field(self, name: bytes) -> bytes | None:
        """The first header field of that lower-case name."""
        for candidate, value in self.fields:
            if candidate == name:
                return value
        return None

    def joined_field(self, name: bytes) -> bytes | None:
        """
        The header fields of that lower-case name as one list (RFC 9110, 5.3).

        @return: Their values with commas between them; C{None} when there is none.
        """
        values = [value for candidate, value in self.fields if candidate == name]
        return b",".join(values) if values else None

    def getRequestHostname(self) -> bytes:
        """What Klein binds its routes to: one name, since no host decides about a path here."""
        return b"localhost"

    @property
    def args(self) -> dict[bytes, list[bytes]]:  # type: ignore[override]  # an attribute of Twisted's
        """
        The query's fields.

        @raise HTTPError: 400: there are too many.
        """
        if self.query.count(b"&") >= _MAX_QUERY_FIELDS:
            raise HTTPError(400, f"The query has more than {_MAX_QUERY_FIELDS} fields.")
        fields: dict[bytes, list[bytes]] = parse_qs(self.query, keep_blank_values=1)
        return fields

    @property
    def requestHeaders(self) -> Headers:  # type: ignore[override]  # an attribute of Twisted's
        """The header fields, as L{twisted.web} keeps them."""
        if self._request_headers is None:
            self._request_headers = Headers()
            for name, value in self.fields:
                self._request_headers.addRawHeader(name, value)
        return self._request_headers

    @property
    def client(self) -> IAddress:
        """The peer's address."""
        return self.transport.getPeer()

    @property
    def host(self) -> IAddress:
        """Our address on this connection."""
        return self.transport.getHost()

    def be_patient(self) -> None:
        """Let the response take any time to begin: whoever makes it has a time-out of its own."""
        self.patient = True
        if self.channel is not None:
            self.channel.arm()

    @property
    def patience(self) -> float:
        """Seconds without progress after which it is over; 0: no end."""
        return 0.0 if self.patient and not self.startedWriting else self.timeout

    def awaits_continue(self) -> bool:
        """Whether C{100 Continue} is to be sent now; true once at most."""
        awaits = self.expects_continue and not self.startedWriting
        self.expects_continue = False
        return awaits

    # The response.

    @property
    def responseHeaders(self) -> Headers:  # type: ignore[override]  # an attribute of Twisted's
        """The response's header fields."""
        if self._response_headers is None:
            self._response_headers = Headers()
        return self._response_headers

    def respond(self, status: int, fields: Fields, body: bytes) -> None:
        """
        Answer in one go.

        @param status: The HTTP status.
        @param fields: Header fields beside those that every response has.
        @param body: The whole body.
        """
        self.begin(status, (*fields, (b"Content-Length", b"%d" % len(body))), body)
        self.finish()

    def begin(self, status: int, fields: Fields, first: bytes = b"") -> None:
        """
        Send the response's head; the body follows by L{write}, its end by C{finish}.

        @param fields: Without a C{Content-Length} the body is chunked.
        @param first: The first of the body, sent with the head.
        """
        self.code = 403 if self.keeps_login and status == 401 else status
        self.startedWriting = 1
        self._open().write(self._head(fields) + self._framed(first))

    def write(self, data: bytes) -> None:
        """Send some of the body; the head too, if it has not gone out yet."""
        if self.finished:
            raise RuntimeError("the response is finished")
        if self._disconnected:
            return
        if not self.startedWriting:
            for cookie in self.cookies:
                self.responseHeaders.addRawHeader(b"Set-Cookie", cookie)
            headers = self.responseHeaders.getAllRawHeaders()
            fields = tuple((name, value) for name, values in headers for value in values)
            self.begin(self.code, fields, data)
        elif data:
            framed = self._framed(data)
            if framed:
                self._open().write(framed)

    def send_file(self, descriptor: int, offset: int, size: int) -> Deferred[None] | None:
        """
        Send bytes of a file, when the head told the body's length; see C{FileConsumer}.

        @return: C{None}: they must be written.
        """
        bodyless = self.method == b"HEAD" or self.code in _NO_BODY
        if self._disconnected or not self.startedWriting or self.chunked or bodyless:
            return None
        return self._open().send_file(descriptor, offset, size, self._sent)

    def _sent(self, count: int) -> None:
        self.sentLength += count

    def switch_protocols(self, successor: Successor) -> None:
        """Leave the connection to another protocol, which answers; L{finish} when that is over."""
        self.code = 101
        self.startedWriting = 1
        self._open().hand_over(successor)

    def isSecure(self) -> bool:
        """Whether the client sent it over TLS, to us or to a trusted proxy."""
        forwarded = self.joined_field(b"x-forwarded-proto")
        secure = self._open().isSecure()
        return self.site.addresses.is_secure(self.client, secure, forwarded)

    @property
    def base_url(self) -> str:
        """Scheme and authority at which the client reaches us."""
        host = (self.field(b"host") or b"localhost").decode("latin-1")
        return f"{'https' if self.isSecure() else 'http'}://{host}"

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Have what makes the body paused while the client reads slowly."""
        self.producer = producer
        self._open().registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """The body is made."""
        self.producer = None
        if self.channel is not None:
            self.channel.unregisterProducer()

    def _open(self) -> Channel:
        if self.channel is None:
            raise RuntimeError("the response is over")
        return self.channel

    def _head(self, fields: Fields) -> bytes:
        code = self.code
        reason = RESPONSES.get(code, b"Unknown")
        lines = [b"HTTP/1.1 %d %b" % (code, reason)]
        sized = False
        for name, value in fields:
            if name == b"Content-Length":
                sized = True
                if code in _NO_BODY:
                    continue
            lines.append(name + b": " + _single_line(value))
        lines.append(self.site.common_fields(self.id))
        bodyless = self.method == b"HEAD" or code in _NO_BODY
        if not sized and not bodyless and self.clientproto == b"HTTP/1.1":
            self.chunked = 1
            lines.append(b"Transfer-Encoding: chunked")
        if self._open().closes_after(self):
            lines.append(b"Connection: close")
        lines.append(b"\r\n")
        return b"\r\n".join(lines)

    def _framed(self, data: bytes) -> bytes:
        if not data or self.method == b"HEAD" or self.code in _NO_BODY:
            return b""
        self.sentLength += len(data)
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data

    def finish(self) -> None:
        """The response is complete."""
        if self._disconnected or self.finished:
            return
        if not self.startedWriting:
            self.write(b"")
        channel = self._open()
        if self.chunked:
            channel.write(b"0\r\n\r\n")
        self.finished = 1
        self.site.answered(self)
        self.channel = None
        notifications, self.notifications = self.notifications, []
        channel.requestDone(self)
        for notification in notifications:
            notification.callback(None)

    # When it does not go well.

    def connectionLost(self, reason: Failure) -> None:
        """The client is gone: cancel the work, tell who waits."""
        if self._disconnected or self.finished:
            return
        self._disconnected = True
        self.channel = None
        if self.id:
            self.site.answered(self)
        notifications, self.notifications = self.notifications, []
        for notification in notifications:
            notification.errback(reason)
        if self.running is not None:
            self.running.cancel()

    def interrupt(self, error: HTTPError) -> None:
        """End the work, and answer with C{error} if nothing has been answered yet."""
        if self.interruption is not None or self.startedWriting or self.running is None:
            self.abort()
        else:
            self.interruption = error
            self.running.cancel()

    @property
    def is_gone(self) -> bool:
        """Whether the client has left."""
        return bool(self._disconnected)

    def abort(self) -> None:
        """Cut the connection, so that the client sees that the response is not whole."""
        if self.channel is not None:
            self.channel.abort()

    def processingFailed(self, reason: Failure) -> Failure:
        """A resource raised: answer in the tree's own format."""
        self.site.failed(self, reason)
        return reason
