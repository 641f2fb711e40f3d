"""Who calls the browsers' tools."""

from __future__ import annotations

from twisted_aigate.interfaces import ToolCaller
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import Authorise, bearer
from twisted_aigate.web.request import Request

_CALLER = ToolCaller("browser")


def tool_callers(token: Secret) -> Authorise[ToolCaller]:
    """An L{twisted_aigate.web.auth.Authorise}: the token as Bearer."""
    check = bearer(token)

    def authorise(request: Request) -> ToolCaller:
        check(request)
        return _CALLER

    return authorise
