"""Errors in the form of the API that the caller speaks."""

from __future__ import annotations

import re

from twisted.logger import Logger

from twisted_aigate.gateway.errors import GatewayError, error_object
from twisted_aigate.gateway.messages.errors import error_object as messages_error_object
from twisted_aigate.gateway.service import call_id_field
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.web.errors import ErrorFormat, Headers, HTTPError, RenderedError
from twisted_aigate.web.request import Request

_log = Logger()
_MODELS_PATH = re.compile(rb"(/v1)?/models(/|$)")
_MESSAGES_PATH = re.compile(rb"(/v1)?/messages(/|$)")


def _headers_of(error: GatewayError | HTTPError, request_id: str) -> Headers:
    fields = (call_id_field(request_id), *error.headers)
    retry = None if isinstance(error, HTTPError) else error.retry_after
    return fields if retry is None else ((b"Retry-After", b"%d" % retry), *fields)


def _known(error: Exception, request_id: str) -> Exception:
    if not isinstance(error, DatabaseUnavailable):
        return error
    _log.error("the database: {error}", error=str(error), request_id=request_id)
    status = 507 if isinstance(error, DatabaseFull) else 503
    return GatewayError(status, "The database does not answer now. Try again later.")


def render_openai_error(error: Exception, request_id: str) -> RenderedError | None:
    """The L{twisted_aigate.web.errors.ErrorFormat} of OpenAI's API."""
    error = _known(error, request_id)
    if not isinstance(error, GatewayError | HTTPError):
        return None
    body = error_object(error.status, error.message, error.param, error.code)
    return RenderedError(error.status, body, headers=_headers_of(error, request_id))


def render_anthropic_error(error: Exception, request_id: str) -> RenderedError | None:
    """The L{twisted_aigate.web.errors.ErrorFormat} of Anthropic's API."""
    error = _known(error, request_id)
    if not isinstance(error, GatewayError | HTTPError):
        return None
    body = messages_error_object(error.status, error.message, error.code, request_id)
    headers = (*_headers_of(error, request_id), request_id_field(request_id))
    return RenderedError(error.status, body, headers=headers)


def errors_for(request: Request) -> ErrorFormat:
    """How errors are worded to whoever sent C{request}, on whatever path."""
    anthropic = _MESSAGES_PATH.match(request.subpath) or lists_for_anthropic(request)
    return render_anthropic_error if anthropic else render_openai_error


def lists_for_anthropic(request: Request) -> bool:
    """Whether models are asked for by a client of Anthropic's, which has the same paths for it."""
    by_version = request.field(b"anthropic-version") is not None
    return by_version and _MODELS_PATH.match(request.subpath) is not None


def request_id_field(request_id: str) -> tuple[bytes, bytes]:
    """The request's id, where Anthropic's clients look for it."""
    return (b"Request-Id", request_id.encode("ascii"))
