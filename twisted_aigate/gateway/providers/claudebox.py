"""The C{claudebox/} and C{claudebox-zai/} providers: Claude Code, in this process."""

from __future__ import annotations

from collections.abc import Collection

from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from twisted_aigate.gateway.calls import Call, FormCall, Result, Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.events import EVENT_STREAM
from twisted_aigate.gateway.providers.interface import IActs
from twisted_aigate.interfaces import IChatModels, ModelError

CLAUDE_MODELS = {
    "claudebox": {
        "claudebox-haiku": "haiku",
        "claudebox-sonnet": "sonnet",
        "claudebox-opus": "opus",
    },
    "claudebox-zai": {
        "claudebox-glm-4.5-air": "haiku",
        "claudebox-glm-4.7": "sonnet",
        "claudebox-glm-5.1": "opus",
    },
}
"""The models that each instance has in the catalogue by itself: name to Claude Code's own."""


def claude_deployments(providers: Collection[str]) -> list[Deployment]:
    """
    The deployments of the instances that are on.

    @param providers: Their names.
    """
    return [
        Deployment(name, provider, model, info={"owned_by": provider})
        for provider, models in CLAUDE_MODELS.items()
        if provider in providers
        for name, model in models.items()
    ]


@implementer(IActs)
class ClaudeProvider:
    """
    An instance of Claude Code.

    @param models: The instance.
    """

    def __init__(self, models: IChatModels) -> None:
        self._models = models

    async def call(self, deployment: Deployment, call: Call) -> Result:
        """See L{IProvider}."""
        if call.task is not Task.CHAT:
            raise _chat_only(deployment, call.task)
        # The configuration's, the request's own header fields, then those in its body.
        fields = (*deployment.headers, *call.protocol_headers, *call.extra_headers)
        headers = {
            name.decode("ascii").lower(): value.decode("utf-8", "replace") for name, value in fields
        }
        try:
            answer = await self._models.chat(call.body_for(deployment.model), headers)
        except ModelError as error:
            raise GatewayError(error.status, error.message, retry_after=error.retry_after) from None
        if IBodyProducer.providedBy(answer.body):
            return Result(answer.body, EVENT_STREAM)
        return Result(answer.body)

    async def call_form(self, deployment: Deployment, call: FormCall) -> Result:
        """See L{IProvider}: it never does."""
        raise _chat_only(deployment, call.task)


def _chat_only(deployment: Deployment, task: Task) -> GatewayError:
    return GatewayError(
        400,
        f"{deployment.model_name} answers chat completions: it does not answer {task.value}.",
        param="model",
    )
