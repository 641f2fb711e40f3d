"""From a request's key to who calls."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import isawaitable

from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.callers import CLAUDE_CODE, MASTER, Caller, with_key
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import VirtualKey
from twisted_aigate.gateway.keys.service import Keys
from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import Authorise, presented_token, unauthorized
from twisted_aigate.web.request import Request

KEY_HEADERS = (b"x-api-key", b"api-key")
"""Where anthropic's and azure's clients put the key."""

_KEY_SUBPROTOCOL = "openai-insecure-api-key."
"""Where a browser puts it, which cannot give a WebSocket header fields."""


def _presented_key(request: Request) -> bytes:
    if request.offer is not None and request.field(b"authorization") is None:
        for subprotocol in request.offer.subprotocols:
            if subprotocol.startswith(_KEY_SUBPROTOCOL):
                return subprotocol.removeprefix(_KEY_SUBPROTOCOL).encode("ascii")
    return presented_token(request, *KEY_HEADERS)


def known_callers(
    master: Secret, keys: Keys, clock: IReactorTime, claude_code: Secret | None = None
) -> Authorise[Caller]:
    """
    An L{Authorise} that tells callers by their keys.

    @param master: The master key.
    @param keys: The virtual keys.
    @param clock: Keeps Unix time: keys expire.
    @param claude_code: The token of Claude Code in this process, where it may call.
    """

    def authorise(request: Request) -> Caller | Awaitable[Caller]:
        token = _presented_key(request)
        if master.matches(token):
            return MASTER
        if claude_code is not None and claude_code.matches(token):
            return CLAUDE_CODE
        found = keys.find(token)
        if found is None or isinstance(found, VirtualKey):
            return _caller(found, clock.seconds())
        return found.addCallback(_caller, clock.seconds())

    return authorise


def _caller(key: VirtualKey | None, now: float) -> Caller:
    if key is None:
        raise unauthorized("The token is not valid here.")
    if key.blocked:
        raise unauthorized("This key is blocked.", "key_blocked")
    if key.expires is not None and key.expires <= now:
        raise unauthorized("This key has expired.", "expired_key")
    return with_key(key)


def tool_caller(request: Request, caller: Caller) -> ToolCaller:
    """
    Who calls tools.

    @param caller: Who calls the gateway.
    """
    # Tools that ask models do so by the caller's own key.
    token = presented_token(request, *KEY_HEADERS)
    if caller.is_master:
        return ToolCaller(caller.id, token, is_operator=True)
    servers = frozenset(() if caller.key is None else caller.key.mcp_servers)
    return ToolCaller(caller.id, token, servers=servers)


def masters_only(authorise: Authorise[Caller]) -> Authorise[Caller]:
    """
    An L{Authorise} for what the master key alone may do.

    @param authorise: Says who calls.
    """

    async def only(request: Request) -> Caller:
        caller = authorise(request)
        if isawaitable(caller):
            caller = await caller
        if not caller.is_master:
            raise GatewayError(403, "Only the master key may do this.", code="master_key_needed")
        return caller

    return only
