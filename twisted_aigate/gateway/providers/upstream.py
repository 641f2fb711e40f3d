"""Providers over HTTP: asking one, and wording what goes wrong."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable

import msgspec
from attrs import frozen

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.routing.failures import CONTEXT_CODES, Meaning, meaning_of
from twisted_aigate.gateway.routing.held import MOST_WHOLE
from twisted_aigate.http_client import (
    ConnectFailed,
    HTTPClient,
    OutgoingRequest,
    Response,
    ResponseTimeout,
    SwitchRefused,
    UpstreamError,
)
from twisted_aigate.kernel.units import KB

_MOST_ERROR = 64 * KB

_CODES = {
    Meaning.CONTEXT_WINDOW: "context_length_exceeded",
    Meaning.CONTENT_POLICY: "content_policy_violation",
}
"""OpenAI's codes for the failures that clients and fallbacks tell apart."""


@frozen
class Refusal:
    """
    What a provider says in place of an answer.

    @ivar status: The status that is meant, where the response's own says something else.
    @ivar retry_after: Seconds after which it wants to be asked again.
    """

    message: str | None = None
    param: str | None = None
    code: str | None = None
    status: int | None = None
    retry_after: float | None = None


ReadRefusal = Callable[[bytes], Refusal]
"""Reads the body of a response that is no answer."""


class _ErrorBody(msgspec.Struct):
    message: str | None = None
    param: str | None = None
    code: str | int | None = None


class _ErrorReply(msgspec.Struct):
    error: _ErrorBody | str | None = None
    message: str | None = None
    detail: str | None = None


_error_decoder = msgspec.json.Decoder(_ErrorReply)


def read_refusal(body: bytes) -> Refusal:
    """What is refused in OpenAI's form, in Anthropic's, or in a plain C{message} or C{detail}."""
    said = _ErrorReply()
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        said = _error_decoder.decode(body)
    if isinstance(said.error, _ErrorBody):
        code = None if said.error.code is None else str(said.error.code)
        return Refusal(said.error.message, said.error.param, code)
    return Refusal(said.error or said.message or said.detail)


class Upstream:
    """
    Asks providers.

    @param client: Makes the calls.
    """

    def __init__(self, client: HTTPClient) -> None:
        self._client = client

    async def send(
        self,
        deployment: Deployment,
        request: OutgoingRequest,
        *,
        stream: bool,
        refusal: ReadRefusal = read_refusal,
    ) -> Response:
        """
        Ask a deployment's provider.

        @raise GatewayError: It does not answer, or not with 200.
        """
        timeout = deployment.stream_timeout if stream else deployment.timeout
        assert deployment.origin is not None
        try:
            response = await self._client.request(deployment.origin, request, timeout)
        except UpstreamError as error:
            raise broken(deployment, error) from None
        if response.status != 200:
            raise await _refused(deployment, response, refusal)
        return response


async def whole(deployment: Deployment, response: Response) -> bytes:
    """
    All of an answer.

    @raise GatewayError: It does not come whole.
    """
    body = response.whole()
    if body is not None:
        return body
    try:
        return await response.read(MOST_WHOLE)
    except UpstreamError as error:
        raise broken(deployment, error) from None


def broken(deployment: Deployment, error: Exception) -> GatewayError:
    """What it is when no answer came, or not all of one."""
    if isinstance(error, ResponseTimeout):
        return GatewayError(
            504, f"{deployment.provider} did not answer in time: {error}.", code="timeout"
        )
    if isinstance(error, UpstreamError):
        code = "connection_failed" if isinstance(error, ConnectFailed) else "connection_broken"
        return GatewayError(502, f"No answer from {deployment.provider}: {error}.", code=code)
    return GatewayError(502, f"The answer of {deployment.provider} broke off.")


def unreadable(deployment: Deployment, error: object) -> GatewayError:
    """What it is when an answer is not what the provider's API promises."""
    message = f"The answer of {deployment.provider} cannot be read: {error}."
    return GatewayError(502, message, code="bad_answer")


def refused(
    deployment: Deployment, status: int, said: Refusal, retry_after: float | None = None
) -> GatewayError:
    """
    What it is when a provider refuses a call.

    @param retry_after: Seconds that the response's head says.
    """
    status = said.status or status
    if status in (401, 403):
        # Its text may hold part of our key, and the caller's own key is not what is wrong.
        message = f"{deployment.provider} refused the key that is configured for this model."
        return GatewayError(status, message, code="provider_refused_key")
    message = said.message or f"It answered with status {status}."
    if retry_after is None:
        retry_after = said.retry_after
    error = GatewayError(
        status,
        f"{deployment.provider}: {message}",
        param=said.param,
        code=said.code,
        retry_after=None if retry_after is None else math.ceil(retry_after),
    )
    if error.code not in CONTEXT_CODES:
        error.code = _CODES.get(meaning_of(error), error.code)
    return error


async def _refused(
    deployment: Deployment, response: Response, refusal: ReadRefusal
) -> GatewayError:
    try:
        body = await response.read(_MOST_ERROR)
    except UpstreamError:
        body = b""
    retry_after = _retry_after(response.field(b"retry-after"))
    return refused(deployment, _failing(response.status), refusal(body), retry_after)


def not_switched(deployment: Deployment, error: SwitchRefused) -> GatewayError:
    """What it is when a provider does not agree to a WebSocket."""
    retry_after = _retry_after(dict(error.fields).get(b"retry-after"))
    return refused(deployment, _failing(error.status), read_refusal(error.body), retry_after)


def _failing(status: int) -> int:
    return status if 400 <= status < 600 else 502


def _retry_after(field: bytes | None) -> float | None:
    # A date (RFC 9110, 10.2.3) is what no provider of models sends.
    try:
        seconds = float(field or b"")
    except ValueError:
        return None
    return seconds if 0 <= seconds < math.inf else None
