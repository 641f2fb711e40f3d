"""
Asking for an ephemeral token, with which a browser talks to the provider itself.

Source: https://platform.openai.com/docs/api-reference/realtime-sessions
"""

from __future__ import annotations

import msgspec
from attrs import frozen

from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.errors import GatewayError

Fields = dict[str, msgspec.Raw]

_fields = msgspec.json.Decoder(Fields)
_text = msgspec.json.Decoder(str)


@frozen
class TokenCall:
    """
    A call for a token.

    @ivar task: C{REALTIME_CLIENT}, or C{REALTIME_SESSION}, which is the same in an older form.
    @ivar model: The model's name as the caller wrote it.
    """

    task: Task
    model: str
    _request: Fields
    _session: Fields

    def body_for(self, model: str) -> bytes:
        """The request for a provider that knows the model as C{model}."""
        session = {**self._session, "model": model}
        if self.task is Task.REALTIME_CLIENT:
            return msgspec.json.encode({**self._request, "session": session})
        return msgspec.json.encode(session)


def token_call(task: Task, body: bytes) -> TokenCall:
    """
    Read a call for a token; of its fields only the model's name is the gateway's business.

    @raise GatewayError: 400: it has none.
    """
    request = _read(body, "the body")
    if task is Task.REALTIME_CLIENT:
        place = "session.model"
        session = _read(bytes(request.get("session", b"{}")), "session")
    else:
        place = "model"
        session = request
    try:
        model = _text.decode(session["model"])
    except (KeyError, msgspec.MsgspecError):
        raise GatewayError(400, f"Missing required parameter: '{place}'.", param=place) from None
    return TokenCall(task, model, request, session)


def _read(document: bytes, what: str) -> Fields:
    try:
        return _fields.decode(document)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise GatewayError(400, f"{what} is not a JSON object.") from None
