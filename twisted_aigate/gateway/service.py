"""The gateway itself: finds a deployment for a call and has its provider answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from twisted_aigate.gateway.calls import Call, Result, Task, TranscriptionCall
from twisted_aigate.gateway.deployments import Catalogue, Deployment
from twisted_aigate.gateway.messages.service import answer_by_chat
from twisted_aigate.gateway.providers.interface import IProvider
from twisted_aigate.gateway.providers.mock import mock
from twisted_aigate.gateway.providers.table import OPENAI_SHAPED


def weighted_choice(deployments: Sequence[Deployment], random: Random) -> Deployment:
    """One of the deployments, by weight: LiteLLM's C{simple-shuffle}."""
    if len(deployments) == 1:
        return deployments[0]
    return random.choices(deployments, [each.weight for each in deployments])[0]


class Gateway:
    """
    Answers calls to models.

    @param catalogue: The models that there are.
    @param providers: Provider's name to provider; those of
        L{twisted_aigate.gateway.providers.table} have the entry C{openai}.
    @param random: Chooses among deployments.
    """

    def __init__(
        self, catalogue: Catalogue, providers: Mapping[str, IProvider], random: Random
    ) -> None:
        self.catalogue = catalogue
        self._providers = providers
        self._random = random

    async def call(self, call: Call) -> Result:
        """
        Answer a call.

        @raise GatewayError: It gives no result.
        """
        deployment = weighted_choice(self.catalogue.find(call.model), self._random)
        return await self.call_deployment(deployment, call)

    async def call_deployment(self, deployment: Deployment, call: Call) -> Result:
        """
        Have one deployment answer a call.

        @raise GatewayError: It gives no result.
        """
        if call.task is Task.MESSAGES:
            # The call is as it came: a provider that speaks this API itself is to be asked here.
            return await answer_by_chat(deployment, call, self.call_deployment)
        response = call.mock_response or deployment.mock_response
        if response is not None:
            return mock(call, response)
        return await self._provider(deployment).call(deployment, call)

    async def transcribe(self, call: TranscriptionCall) -> Result:
        """
        Answer a call with a sound file.

        @raise GatewayError: It gives no result.
        """
        deployment = weighted_choice(self.catalogue.find(call.model), self._random)
        return await self.transcribe_with(deployment, call)

    async def transcribe_with(self, deployment: Deployment, call: TranscriptionCall) -> Result:
        """
        Have one deployment answer a call with a sound file.

        @raise GatewayError: It gives no result.
        """
        return await self._provider(deployment).transcribe(deployment, call)

    def _provider(self, deployment: Deployment) -> IProvider:
        shaped = deployment.provider in OPENAI_SHAPED
        return self._providers["openai" if shaped else deployment.provider]
