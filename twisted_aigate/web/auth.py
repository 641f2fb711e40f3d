"""Bearer tokens (RFC 6750): read from a request, compared in constant time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.request import Request

Caller = TypeVar("Caller")
Authorise = Callable[[Request], Caller | Awaitable[Caller]]
"""
Says who calls, or raises the 401. Every route has one; see L{public}.
"""


def public(request: Request) -> None:
    """The route is open to everyone."""


def unauthorized(message: str, code: str = "invalid_api_key") -> HTTPError:
    """The refusal of a request without a valid token."""
    challenge = ((b"WWW-Authenticate", b'Bearer realm="aigate"'),)
    return HTTPError(401, message, code=code, headers=challenge)


def presented_token(request: Request, *headers: bytes) -> bytes:
    """
    The token that a request presents.

    @param headers: Lower-case names of headers that carry a bare token, in the order in which they
        are looked at when there is no C{Authorization}.
    @raise HTTPError: 401: there is none.
    """
    authorization = request.field(b"authorization")
    if authorization is not None:
        scheme, _, token = authorization.partition(b" ")
        token = token.strip()
        if scheme.lower() == b"bearer" and token:
            return token
        raise unauthorized("The Authorization header is not of the form: Bearer <token>.")
    for header in headers:
        token = (request.field(header) or b"").strip()
        if token:
            return token
    raise unauthorized("No token was sent. Send it as: Authorization: Bearer <token>.")


def bearer(secret: Secret, *headers: bytes) -> Callable[[Request], None]:
    """
    An L{Authorise} that takes one token.

    @param secret: The token.
    @param headers: As for L{presented_token}.
    """

    def authorise(request: Request) -> None:
        if not secret.matches(presented_token(request, *headers)):
            raise unauthorized("The token is not valid here.")

    return authorise
