"""Who calls an instance's tools."""

from __future__ import annotations

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import Authorise, presented_token, unauthorized
from twisted_aigate.web.request import Request


def tool_callers(name: str, token: Secret) -> Authorise[ToolCaller]:
    """
    An L{twisted_aigate.web.auth.Authorise}: the token as Bearer, or C{?apiToken=}.

    @param name: The instance's name.
    """
    caller = ToolCaller(name)

    def authorise(request: Request) -> ToolCaller:
        given: bytes | None = None
        if request.field(b"authorization") is None and request.query:
            given = next(iter(request.args.get(b"apiToken", ())), None)
        if not token.matches(presented_token(request) if given is None else given):
            raise unauthorized("The token is not valid here.")
        return caller

    return authorise
