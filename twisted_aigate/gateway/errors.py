"""
What can go wrong with a call to a model, and OpenAI's way to word it.

Source: https://platform.openai.com/docs/guides/error-codes and the error object in its API
reference.
"""

from __future__ import annotations

import msgspec

BUDGET_EXCEEDED = "budget_exceeded"
"""The code of the refusal of a key that has spent what it may."""

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

MISFIT = "json_schema_validation_error"
"""The code of an answer that does not fit the schema that its call asked for."""


class GatewayError(Exception):
    """
    A call to a model that gives no result.

    @ivar status: The HTTP status that OpenAI's API has for it, 400 to 599.
    @ivar message: What went wrong, for the caller.
    @ivar param: The request's field at fault, if one is.
    @ivar code: A machine-readable name, if there is one.
    @ivar retry_after: Seconds after which it is worth another try, if that is known.
    @ivar headers: Header fields that the caller is to see.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.headers = headers


def unknown_model(model: str) -> GatewayError:
    """There is no such model here."""
    return GatewayError(
        404,
        f"The model {model!r} does not exist here. GET /models lists those that do.",
        param="model",
        code="model_not_found",
    )


def error_object(status: int, message: str, param: str | None, code: str | None) -> bytes:
    """OpenAI's error object as JSON."""
    kind = _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    if code == BUDGET_EXCEEDED:
        # By the type LiteLLM's clients know it.
        kind = code
    return msgspec.json.encode(
        {"error": {"message": message, "type": kind, "param": param, "code": code}}
    )
