"""Claudebox's errors: C{{"detail"}}; OpenAI's object below C{/openai/}."""

from __future__ import annotations

import msgspec

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.openai.errors import openai_error
from twisted_aigate.web.errors import ErrorFormat, Headers, HTTPError, RenderedError
from twisted_aigate.web.request import Request

OPENAI = b"/openai/"


def _headers(error: ClaudeboxError | HTTPError) -> Headers:
    if isinstance(error, HTTPError):
        return error.headers
    return () if error.retry_after is None else ((b"Retry-After", b"%d" % error.retry_after),)


def render_detail(error: Exception, request_id: str) -> RenderedError | None:
    """The L{ErrorFormat} of the tree."""
    if isinstance(error, ClaudeboxError):
        body = {"detail": error.detail, **error.extra}
    elif isinstance(error, HTTPError):
        body = {"detail": error.message}
    else:
        return None
    return RenderedError(error.status, msgspec.json.encode(body), headers=_headers(error))


def render_openai(error: Exception, request_id: str) -> RenderedError | None:
    """The L{ErrorFormat} of the paths that speak OpenAI's protocol."""
    if isinstance(error, ClaudeboxError):
        body = openai_error(error.status, error.detail)
    elif isinstance(error, HTTPError):
        body = openai_error(error.status, error.message, error.code)
    else:
        return None
    return RenderedError(error.status, body, headers=_headers(error))


def errors_for(request: Request) -> ErrorFormat:
    """How errors are worded on a request's path."""
    return render_openai if request.subpath.startswith(OPENAI) else render_detail
