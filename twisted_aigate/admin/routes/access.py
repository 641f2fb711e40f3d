"""Who may see the page, and who may ask what it asks."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64decode

from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import presented_token, unauthorized
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.ratelimit import Limiter
from twisted_aigate.web.request import Request

KEY_HEADER = b"x-aigate-key"
"""Where the page puts the master key: C{Authorization} is the browser's own, with basic auth."""

SUBPROTOCOL = "aigate"
_KEY_SUBPROTOCOL = "aigate-key."
"""Where it puts it, in base64url without padding, when it opens a WebSocket."""

_WRONG_KEY = "This is not the master key."


class Access:
    """
    Lets in.

    @param key: The master key.
    @param basic: C{user:password} of HTTP's basic authentication; C{None}: it is not asked for.
    @param limiter: Counts, by address, whoever is not let in, and who loads the page.
    """

    def __init__(self, key: Secret, basic: Secret | None, limiter: Limiter | None) -> None:
        self._key = key
        self._basic = basic
        self._limiter = limiter

    async def visitor(self, request: Request) -> None:
        """Let in who loads the page."""
        await self._count(request)
        self._check_basic(request)

    async def loader(self, request: Request) -> None:
        """Let in who loads one of its files: many come with one page, so that they do not count."""
        await self._uncounted(request, with_key=False)

    async def operator(self, request: Request) -> None:
        """Let in who has the master key."""
        await self._uncounted(request, with_key=True)

    async def _uncounted(self, request: Request, *, with_key: bool) -> None:
        try:
            self._check_basic(request)
            if with_key:
                self._check_key(request)
        except HTTPError:
            await self._count(request)
            raise

    async def _count(self, request: Request) -> None:
        if self._limiter is not None:
            taken = self._limiter.take(request.client_address)
            if taken is not None:
                await taken

    def _check_basic(self, request: Request) -> None:
        # RFC 7617.
        if self._basic is None:
            return
        scheme, _, encoded = (request.field(b"authorization") or b"").partition(b" ")
        try:
            login = b64decode(encoded.strip(), validate=True)
        except binascii.Error:
            login = b""
        if scheme.lower() != b"basic" or not self._basic.matches(login):
            challenge = ((b"WWW-Authenticate", b'Basic realm="aigate", charset="UTF-8"'),)
            message = "This page asks for a user and a password: see LITELLM_UI_BASIC_AUTH."
            raise HTTPError(401, message, code="login_needed", headers=challenge)

    def _check_key(self, request: Request) -> None:
        token = _subprotocol_key(request) or request.field(KEY_HEADER)
        if self._basic is not None:
            # To a 401 browsers forget the password that they have just sent, and ask for it again.
            if token is None or not self._key.matches(token):
                raise HTTPError(403, _WRONG_KEY, code="master_key_needed")
        elif not self._key.matches(token or presented_token(request)):
            raise unauthorized(_WRONG_KEY)


def _subprotocol_key(request: Request) -> bytes | None:
    if request.offer is None:
        return None
    for subprotocol in request.offer.subprotocols:
        if subprotocol.startswith(_KEY_SUBPROTOCOL):
            encoded = subprotocol.removeprefix(_KEY_SUBPROTOCOL)
            try:
                return urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except binascii.Error:
                return None
    return None
