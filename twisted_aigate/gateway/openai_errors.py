"""Errors on the gateway's paths, as OpenAI words them."""

from __future__ import annotations

from twisted_aigate.gateway.errors import GatewayError, error_object
from twisted_aigate.web.errors import HTTPError, RenderedError


def render_openai_error(error: Exception, request_id: str) -> RenderedError | None:
    """The L{twisted_aigate.web.errors.ErrorFormat} of the gateway."""
    if isinstance(error, GatewayError):
        retry = error.retry_after
        headers = () if retry is None else ((b"Retry-After", b"%d" % retry),)
    elif isinstance(error, HTTPError):
        headers = error.headers
    else:
        return None
    body = error_object(error.status, error.message, error.param, error.code)
    return RenderedError(error.status, body, headers=headers)
