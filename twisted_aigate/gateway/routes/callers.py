"""From a request's key to who calls."""

from __future__ import annotations

from twisted_aigate.gateway.callers import CLAUDE_CODE, MASTER, Caller
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import Authorise, presented_token, unauthorized
from twisted_aigate.web.request import Request

KEY_HEADERS = (b"x-api-key", b"api-key")
"""Where anthropic's and azure's clients put the key."""


def known_callers(master: Secret, claude_code: Secret | None = None) -> Authorise[Caller]:
    """
    An L{Authorise} that tells callers by their keys.

    @param master: The master key.
    @param claude_code: The token of Claude Code in this process, where it may call.
    """

    def authorise(request: Request) -> Caller:
        token = presented_token(request, *KEY_HEADERS)
        if master.matches(token):
            return MASTER
        if claude_code is not None and claude_code.matches(token):
            return CLAUDE_CODE
        raise unauthorized("The token is not valid here.")

    return authorise
