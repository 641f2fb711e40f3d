"""Who calls storage's tools: by a key of the connection, or by one in each call."""

from __future__ import annotations

from typing import Any

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.storage.access import AccessKeys
from twisted_aigate.web.auth import presented_token, unauthorized
from twisted_aigate.web.request import Request

_NOBODY = ToolCaller("nobody")


class ToolCallers:
    """
    Finds out who calls.

    @param keys: The keys that there are.
    """

    def __init__(self, keys: AccessKeys) -> None:
        self._keys = keys

    def __call__(self, request: Request) -> ToolCaller:
        """
        An L{twisted_aigate.web.auth.Authorise}: a Bearer token, or C{?auth=}.

        @raise HTTPError: 401: the key is not valid.
        """
        token: bytes | None = None
        if request.field(b"authorization") is not None:
            token = presented_token(request)
        elif request.query:
            token = next(iter(request.args.get(b"auth", ())), None)
        if token is None:
            return _NOBODY
        key = self._keys.by_token(token)
        if key is None:
            raise unauthorized("The key is not valid here.")
        return ToolCaller(key.public, token)

    def admit(self, caller: ToolCaller, value: Any) -> None:
        """
        See that who has no key for the connection has one in each call, C{auth_key}.

        @param value: What it has posted.
        @raise HTTPError: 401: it has not.
        """
        if caller is not _NOBODY:
            return
        messages = value if isinstance(value, list) and value else [value]
        if not all(self._has_key(message) for message in messages):
            raise unauthorized(
                "This needs a key. Send it as: Authorization: Bearer <key>, as ?auth=<key>, or as"
                " the argument auth_key of each call."
            )

    def _has_key(self, message: Any) -> bool:
        try:
            auth_key = message["params"]["arguments"]["auth_key"]
            called = message["method"] == "tools/call" and isinstance(auth_key, str)
        except (TypeError, KeyError, IndexError):
            return False
        return called and self._keys.by_token(auth_key.encode("utf-8")) is not None
