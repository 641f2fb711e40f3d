"""A stream of the Messages API for a caller of the Messages API."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.messages.errors import error_fields, type_of
from twisted_aigate.gateway.passing import PassedStream

_ERROR_EVENT = re.compile(rb"\s*event: ?error\r?\ndata: ?([^\r\n]*)\r?\n")


class _Error(msgspec.Struct):
    type: str = "api_error"
    message: str = ""


class _ErrorEvent(msgspec.Struct):
    error: _Error


_decoder = msgspec.json.Decoder(_ErrorEvent)


class NativeStream(PassedStream):
    """
    Passes the events on; one that begins with an error fails.

    @param source: The events.
    @param describe: Makes an error of what the source failed with.
    @param stream_error: Makes one of an event's type and message.
    """

    def __init__(
        self,
        source: IBodyProducer,
        describe: Callable[[Exception], GatewayError],
        stream_error: Callable[[str, str], GatewayError],
    ) -> None:
        super().__init__(source, describe)
        self._stream_error = stream_error

    def refusal(self, data: bytes) -> GatewayError | None:
        """See L{PassedStream}."""
        found = _ERROR_EVENT.match(data)
        if found is None:
            return None
        try:
            said = _decoder.decode(found[1]).error
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return self._stream_error(said.type, said.message)

    def error_event(self, error: GatewayError) -> bytes:
        """See L{PassedStream}."""
        fields = error_fields(type_of(error.status), error.message, error.code)
        data = msgspec.json.encode({"type": "error", "error": fields})
        return b"event: error\ndata: " + data + b"\n\n"
