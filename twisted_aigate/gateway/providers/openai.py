"""
Providers that speak OpenAI's API over HTTP.

A request is passed on with its model's name changed and nothing else; an answer is passed back
untouched, as it comes.
"""

from __future__ import annotations

import contextlib

import msgspec
from zope.interface import implementer

from twisted_aigate.gateway.calls import Call, Result, Task, TranscriptionCall
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.form import FormBody
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.http_client import (
    ConnectFailed,
    HTTPClient,
    OutgoingRequest,
    Response,
    ResponseTimeout,
    UpstreamError,
)
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import KB

_JSON_FIELD = (b"Content-Type", b"application/json")
_MOST_ERROR = 64 * KB


@implementer(IProvider)
class OpenAIProvider:
    """
    All OpenAI-shaped providers.

    @param client: Makes the calls.
    @param threads: Where files are read.
    """

    def __init__(self, client: HTTPClient, threads: Threads) -> None:
        self._client = client
        self._threads = threads

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{IProvider}."""
        request = OutgoingRequest(
            b"POST",
            _target(deployment, call.task),
            (_JSON_FIELD, *deployment.headers, *_authorization(deployment), *call.extra_headers),
            call.body_for(deployment.model),
        )
        return await self._send(deployment, request, call.stream)

    async def transcribe(self, deployment: Deployment, call: TranscriptionCall) -> Result:
        """See L{IProvider}."""
        fields = (("model", deployment.model), *call.fields)
        form = FormBody(fields, call.upload, self._threads)
        request = OutgoingRequest(
            b"POST",
            _target(deployment, call.task),
            (
                (b"Content-Type", form.content_type),
                *deployment.headers,
                *_authorization(deployment),
                *call.extra_headers,
            ),
            form,
        )
        return await self._send(deployment, request, call.stream)

    async def _send(self, deployment: Deployment, request: OutgoingRequest, stream: bool) -> Result:
        timeout = deployment.stream_timeout if stream else deployment.timeout
        assert deployment.origin is not None
        try:
            response = await self._client.request(deployment.origin, request, timeout)
        except UpstreamError as error:
            raise _no_answer(deployment, error) from None
        if response.status != 200:
            raise await _refused(deployment, response)
        content_type = response.field(b"content-type") or b"application/octet-stream"
        whole = response.whole()
        if whole is not None:
            return Result(whole, content_type)
        return Result(response, content_type, describe=lambda error: _broken(deployment, error))


def _target(deployment: Deployment, task: Task) -> bytes:
    return (deployment.path + task.value).encode("ascii")


def _authorization(deployment: Deployment) -> tuple[tuple[bytes, bytes], ...]:
    if deployment.api_key is None:
        return ()
    return ((b"Authorization", b"Bearer " + deployment.api_key.reveal().encode("ascii")),)


def _no_answer(deployment: Deployment, error: UpstreamError) -> GatewayError:
    if isinstance(error, ResponseTimeout):
        return GatewayError(
            504, f"{deployment.provider} did not answer in time: {error}.", code="timeout"
        )
    code = "connection_failed" if isinstance(error, ConnectFailed) else "connection_broken"
    return GatewayError(502, f"No answer from {deployment.provider}: {error}.", code=code)


def _broken(deployment: Deployment, error: Exception) -> GatewayError:
    if isinstance(error, UpstreamError):
        return _no_answer(deployment, error)
    return GatewayError(502, f"The answer of {deployment.provider} broke off.")


class _ErrorBody(msgspec.Struct):
    message: str | None = None
    param: str | None = None
    code: str | int | None = None


class _ErrorReply(msgspec.Struct):
    error: _ErrorBody | str | None = None
    message: str | None = None
    detail: str | None = None


_error_decoder = msgspec.json.Decoder(_ErrorReply)


async def _refused(deployment: Deployment, response: Response) -> GatewayError:
    status = response.status if 400 <= response.status < 600 else 502
    if status in (401, 403):
        # Its text may hold part of our key, and the caller's own key is not what is wrong.
        response.stopProducing()
        message = f"{deployment.provider} refused the key that is configured for this model."
        return GatewayError(status, message, code="provider_refused_key")
    try:
        body = await response.read(_MOST_ERROR)
    except UpstreamError:
        body = b""
    said = _ErrorReply()
    with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
        said = _error_decoder.decode(body)
    error = (
        said.error
        if isinstance(said.error, _ErrorBody)
        else _ErrorBody(message=said.error or said.message or said.detail)
    )
    message = error.message or f"It answered with status {response.status}."
    code = None if error.code is None else str(error.code)
    retry_after = None
    if status in (429, 503):
        with contextlib.suppress(ValueError):
            retry_after = int(response.field(b"retry-after") or b"")
    return GatewayError(
        status,
        f"{deployment.provider}: {message}",
        param=error.param,
        code=code,
        retry_after=retry_after,
    )
