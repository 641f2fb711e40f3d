"""A chat in place of another call: what is asked, and the whole of what is answered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from twisted.web.iweb import IBodyProducer

from twisted_aigate.gateway.calls import Call, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.table import OPENAI_SHAPED
from twisted_aigate.http_client import UpstreamError
from twisted_aigate.kernel.collector import Collector


def chat_call(call: Call, chat: dict[str, Any]) -> Call:
    """
    The call of a chat in place of another call.

    @param call: The other call.
    @param chat: The chat request.
    """
    fields = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in chat.items()}
    return Call(
        Task.CHAT,
        call.model,
        fields,
        stream=call.stream,
        extra_headers=call.extra_headers,
        mock_response=call.mock_response,
        wishes=call.wishes,
    )


def refused_fields(deployment: Deployment) -> Collection[str]:
    """The fields of a chat that a deployment's provider answers with an error."""
    shaped = OPENAI_SHAPED.get(deployment.provider)
    return shaped.refuses if shaped is not None else ()


def reasons(deployment: Deployment) -> bool:
    """Whether a deployment's C{model_info} says, as in LiteLLM, that it C{supports_reasoning}."""
    return deployment.info.get("supports_reasoning") is True


def limit_fields(limit: int, deployment: Deployment) -> dict[str, Any]:
    """
    The chat's field that has the most tokens of the answer.

    @param deployment: Who is to answer; its C{model_info} may say its C{max_output_tokens}.
    """
    most = deployment.info.get("max_output_tokens")
    if isinstance(most, int):
        limit = min(limit, most)
    # OpenAI's newer name is for a limit that holds for what is thought too.
    newer = "max_completion_tokens"
    takes_newer = reasons(deployment) and newer not in refused_fields(deployment)
    return {newer if takes_newer else "max_tokens": limit}


def too_deep() -> GatewayError:
    """A request cannot be read."""
    return GatewayError(400, "The request is nested too deeply.")


async def whole(body: bytes | IBodyProducer) -> bytes:
    """
    All of an answer.

    @raise GatewayError: It does not come whole.
    """
    if isinstance(body, bytes):
        return body
    collected = Collector()
    try:
        await body.startProducing(collected)
    except UpstreamError as error:
        raise GatewayError(
            502, f"The provider's answer broke off: {error}.", code="connection_broken"
        ) from None
    return b"".join(collected.parts)
