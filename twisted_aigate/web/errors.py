"""
The one exception that the edge raises, and how each tree renders errors.

A tree's own services know nothing of HTTP and raise their own errors; the tree's
L{ErrorFormat} renders both.
"""

from __future__ import annotations

from typing import Protocol

from attrs import field, frozen

Headers = tuple[tuple[bytes, bytes], ...]


class HTTPError(Exception):
    """
    A request that the edge refuses.

    @ivar status: The HTTP status, 400 to 599.
    @ivar message: What is wrong, for the person who sent the request.
    @ivar param: The field of the request that is at fault, if one is.
    @ivar code: A short machine-readable name, if there is one.
    @ivar headers: Header fields of the response, such as C{Retry-After}.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Headers = (),
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.headers = headers


@frozen
class RenderedError:
    """
    An error as a response.

    @ivar status: The HTTP status.
    @ivar body: The body.
    @ivar content_type: Its media type.
    @ivar headers: More header fields.
    """

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: Headers = field(default=())


class ErrorFormat(Protocol):
    """How a tree words its errors."""

    def __call__(self, error: Exception, request_id: str) -> RenderedError | None:
        """
        Render an error.

        @param error: An L{HTTPError}, or an error of the tree's own services.
        @param request_id: The request's id.
        @return: The response, or C{None} when the error is not one that a client may see: it is
            then logged, and rendered again as a bare 500 L{HTTPError}.
        """
