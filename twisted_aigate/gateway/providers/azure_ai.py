"""
The C{azure_ai/} provider: models of other makers at Azure, which speak OpenAI's API.

What has a resource of Azure AI Foundry is asked at its own paths and with Azure's way to say who
asks; a model that was deployed alone, at the base that its page tells.

Source: https://learn.microsoft.com/azure/ai-foundry/model-inference/reference/reference-model-inference-api
"""

from __future__ import annotations

from urllib.parse import quote

from twisted_aigate.gateway.calls import Task
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.providers.openai import OpenAIProvider
from twisted_aigate.http_client.messages import Fields

_DEFAULT_VERSION = "2024-05-01-preview"
_FOUNDRY = ".services.ai.azure.com"
_AZURE = (_FOUNDRY, ".openai.azure.com")


class AzureAIProvider(OpenAIProvider):
    """Azure AI: C{litellm_params.model} names the model, or its deployment, there."""

    def target(self, deployment: Deployment, task: Task, rest: str = "") -> bytes:
        """See L{OpenAIProvider}."""
        base, version = deployment.path, deployment.api_version
        if _is_at(deployment, _FOUNDRY) and not base.endswith("/openai/v1"):
            base = base.removesuffix("/models") + "/models"
            version = version or _DEFAULT_VERSION
        query = f"?api-version={quote(version)}" if version else ""
        return f"{base}{task.value}{rest}{query}".encode("ascii")

    def authorization(self, deployment: Deployment) -> Fields:
        """See L{OpenAIProvider}."""
        if deployment.api_key is None or not _is_at(deployment, *_AZURE):
            return super().authorization(deployment)
        return ((b"api-key", deployment.api_key.reveal().encode("ascii")),)


def _is_at(deployment: Deployment, *domains: str) -> bool:
    return deployment.origin is not None and deployment.origin.host.endswith(domains)
