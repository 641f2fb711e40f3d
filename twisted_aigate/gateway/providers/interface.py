"""What the gateway asks of a provider."""

from __future__ import annotations

from zope.interface import Interface

from twisted_aigate.gateway.calls import Call, FormCall, Result
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.realtime.call import RealtimeCall
from twisted_aigate.gateway.realtime.token import TokenCall
from twisted_aigate.gateway.responses.asks import KeptAsk
from twisted_aigate.http_client import OutgoingRequest


class IProvider(Interface):
    """Answers calls. Cancelling a call, or stopping its result's producer, ends its work."""

    async def call(deployment: Deployment, call: Call) -> Result:
        """
        Answer a call.

        @raise GatewayError: It gives no result.
        """

    async def call_form(deployment: Deployment, call: FormCall) -> Result:
        """
        Answer a call with files.

        @raise GatewayError: It gives no result.
        """


class IResponsesProvider(IProvider):
    """
    One that may serve OpenAI's Responses API itself.

    Of a deployment that does it answers C{Task.RESPONSES} too.
    """

    async def ask_kept(deployment: Deployment, ask: KeptAsk) -> Result:
        """
        Ask something of a response that a deployment keeps.

        @raise GatewayError: It gives no result.
        """


class IActs(IProvider):
    """One whose answers are deeds: what it is asked twice, it is to do twice."""


class IMessagesProvider(IProvider):
    """One that speaks Anthropic's Messages API itself: it answers C{Task.MESSAGES} too."""

    async def count_tokens(deployment: Deployment, call: Call) -> Result:
        """
        Count a prompt's tokens.

        @raise GatewayError: It gives no result.
        """


class IRealtimeProvider(IProvider):
    """One that speaks OpenAI's Realtime API, for some deployments at least."""

    def has_realtime(deployment: Deployment) -> bool:
        """Whether it does for this one."""

    def realtime(deployment: Deployment, call: RealtimeCall) -> OutgoingRequest:
        """What asks it to switch to a WebSocket, beside the protocol's own fields."""

    async def realtime_token(deployment: Deployment, call: TokenCall) -> bytes:
        """
        Have it make a token.

        @return: Its answer, JSON.
        @raise GatewayError: It gives none.
        """
