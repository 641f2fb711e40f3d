"""What claudebox refuses; its routes and its tools word it for their callers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_NOTHING: Mapping[str, object] = MappingProxyType({})


class ClaudeboxError(Exception):
    """
    A request that is refused, or a run that failed.

    @ivar status: The HTTP status that says it best.
    @ivar detail: What is wrong, for the person who asked.
    @ivar retry_after: Seconds after which it is worth another try, when that is known.
    @ivar extra: Further fields of the error's body.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        retry_after: int | None = None,
        extra: Mapping[str, object] = _NOTHING,
    ) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.extra = extra
