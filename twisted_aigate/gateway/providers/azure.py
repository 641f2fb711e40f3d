"""
The C{azure/} provider: OpenAI's API at Azure's paths, with Azure's way to say who asks.

Source: https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from __future__ import annotations

from urllib.parse import quote

from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.openai import OpenAIProvider
from twisted_aigate.gateway.realtime.call import RealtimeCall
from twisted_aigate.gateway.realtime.token import TokenCall
from twisted_aigate.http_client.messages import Fields

_DEFAULT_VERSION = "2025-02-01-preview"
_RESPONSES_VERSION = "2025-04-01-preview"
"""The same for the Responses API, which came later; the deployment's name is in the body there."""


class AzureProvider(OpenAIProvider):
    """Azure OpenAI: C{litellm_params.model} names the deployment there."""

    def target(self, deployment: Deployment, task: Task, rest: str = "") -> bytes:
        """See L{OpenAIProvider}."""
        base = deployment.path
        if base.endswith("/openai/v1"):
            # The API without dated versions: the deployment's name is in the body.
            return (base + task.value + rest).encode("ascii")
        base = base.removesuffix("/openai")
        if task is Task.RESPONSES:
            version = quote(deployment.api_version or _RESPONSES_VERSION)
            return f"{base}/openai{task.value}{rest}?api-version={version}".encode("ascii")
        version = quote(deployment.api_version or _DEFAULT_VERSION)
        place = f"/openai/deployments/{quote(deployment.model, safe='')}"
        return f"{base}{place}{task.value}?api-version={version}".encode("ascii")

    def has_realtime(self, deployment: Deployment) -> bool:
        """See L{OpenAIProvider}."""
        return True

    async def realtime_token(self, deployment: Deployment, call: TokenCall) -> bytes:
        """See L{OpenAIProvider}."""
        if not deployment.path.endswith("/openai/v1"):
            message = "Azure gives such tokens where the model's api_base ends in /openai/v1."
            raise GatewayError(400, message, code="realtime_not_supported")
        return await super().realtime_token(deployment, call)

    def realtime_target(self, deployment: Deployment, call: RealtimeCall) -> bytes:
        """See L{OpenAIProvider}."""
        if deployment.path.endswith("/openai/v1"):
            return super().realtime_target(deployment, call)
        version = ("api-version", deployment.api_version or _DEFAULT_VERSION)
        path = f"{deployment.path.removesuffix('/openai')}/openai/realtime"
        return call.target(path, version, ("deployment", deployment.model))

    def authorization(self, deployment: Deployment) -> Fields:
        """See L{OpenAIProvider}."""
        if deployment.api_key is None:
            return ()
        return ((b"api-key", deployment.api_key.reveal().encode("ascii")),)
