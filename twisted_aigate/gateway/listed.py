"""
The models that there are, in the forms of OpenAI's and Anthropic's APIs.

Source: https://platform.openai.com/docs/api-reference/models,
https://docs.anthropic.com/en/api/models-list
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError

_DEFAULT_LIMIT = 20
_MOST = 1000


@frozen
class Page:
    """
    The part of a list that is asked for.

    @ivar limit: How many there are to be at most.
    @ivar after: The id that it comes right after, if there is one.
    @ivar before: The id that it comes right before, if there is one.
    """

    limit: int = _DEFAULT_LIMIT
    after: str | None = None
    before: str | None = None

    def of(self, ids: Sequence[str]) -> tuple[Sequence[str], bool]:
        """
        The part of a list.

        @return: It, and whether there is more beyond it.
        @raise GatewayError: 400: an id is not in the list.
        """
        if self.before is not None:
            rest = ids[: _index(ids, self.before, "before_id")]
            return rest[-self.limit :], len(rest) > self.limit
        rest = ids if self.after is None else ids[_index(ids, self.after, "after_id") + 1 :]
        return rest[: self.limit], len(rest) > self.limit


def _index(ids: Sequence[str], id: str, param: str) -> int:
    if id not in ids:
        raise GatewayError(400, f"{param}: there is no model {id!r}.", param=param)
    return ids.index(id)


def read_page(limit: str | None, after: str | None, before: str | None) -> Page:
    """
    The part of a list that a query asks for; C{None}: it does not say.

    @raise GatewayError: 400: it asks for none that there is.
    """
    if after is not None and before is not None:
        raise GatewayError(400, "after_id and before_id exclude each other.", param="before_id")
    if limit is None:
        return Page(_DEFAULT_LIMIT, after, before)
    if not (limit.isascii() and limit.isdigit() and len(limit) < 5 and 1 <= int(limit) <= _MOST):
        raise GatewayError(400, f"limit must be from 1 to {_MOST}.", param="limit")
    return Page(int(limit), after, before)


def openai_model(deployment: Deployment, created: int) -> dict[str, Any]:
    """
    A model in OpenAI's form.

    @param created: Since when it is there, in seconds of Unix time.
    """
    return {
        "id": deployment.model_name,
        "object": "model",
        "created": created,
        "owned_by": deployment.info.get("owned_by", deployment.provider),
    }


def anthropic_model(deployment: Deployment, created: int) -> dict[str, Any]:
    """
    A model in Anthropic's form.

    @param created: Since when it is there, in seconds of Unix time.
    """
    info = deployment.info
    name = info.get("display_name")
    return {
        "type": "model",
        "id": deployment.model_name,
        "display_name": name if isinstance(name, str) else deployment.model_name,
        "created_at": datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "lifecycle": "active",
        "max_input_tokens": _tokens(info.get("max_input_tokens")),
        "max_tokens": _tokens(info.get("max_output_tokens")),
    }


def _tokens(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
