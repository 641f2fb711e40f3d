"""Conversations with models: who may have one, with which deployment, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting.meter import Meter, Visit
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.deployments import Deployment
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.providers.interface import IProvider, IRealtimeProvider
from twisted_aigate.gateway.providers.table import entry_of
from twisted_aigate.gateway.providers.upstream import broken, not_switched
from twisted_aigate.gateway.realtime.call import RealtimeCall
from twisted_aigate.gateway.realtime.events import usage_in
from twisted_aigate.gateway.realtime.relay import Relay
from twisted_aigate.gateway.realtime.tab import Tab, Turns
from twisted_aigate.gateway.realtime.token import TokenCall
from twisted_aigate.gateway.routing.asking import Occupied
from twisted_aigate.gateway.routing.router import Router
from twisted_aigate.http_client import SwitchRefused, UpstreamError, WebSocketClient
from twisted_aigate.kernel.websocket import IWebSocket, Message
from twisted_aigate.kernel.websocket.interfaces import NORMAL, POLICY_VIOLATION


class Conversation:
    """
    A provider's end of a conversation, which waits for the caller's.

    @param occupied: The provider's socket.
    @param turns: Lets turns in.
    @param visit: The first turn, which is let in.
    @param clock: Where time-outs live.
    @ivar deployment: Whose it is.
    """

    def __init__(
        self,
        deployment: Deployment,
        occupied: Occupied[IWebSocket],
        turns: Turns,
        visit: Visit,
        clock: IReactorTime,
    ) -> None:
        self.deployment = deployment
        self._occupied = occupied
        self._turns = turns
        self._visit = visit
        self._clock = clock

    def join(self, caller: IWebSocket) -> None:
        """Have the caller and the provider talk, until one of them closes."""

        def refused(error: GatewayError) -> None:
            relay.end(error, POLICY_VIOLATION)

        tab = Tab(self._turns, self._visit, self.deployment, refused)

        def seen(message: Message) -> None:
            reader = usage_in(message)
            if reader is not None:
                self._occupied.spend(reader.tokens)
                tab.took(reader)

        def over() -> None:
            self._occupied.over(0)
            tab.close()

        provider = self._occupied.answer
        relay = Relay(caller, provider, self.deployment.provider, seen, over, self._clock)
        relay.start()


class Realtime:
    """
    Begins conversations.

    @param router: Finds deployments.
    @param providers: As the gateway's.
    @param client: Opens WebSockets to providers.
    @param meter: Lets turns in and has them paid.
    @param clock: Where time-outs live.
    """

    def __init__(
        self,
        router: Router,
        providers: Mapping[str, IProvider],
        client: WebSocketClient,
        meter: Meter,
        clock: IReactorTime,
    ) -> None:
        self._router = router
        self._providers = providers
        self._client = client
        self._meter = meter
        self._clock = clock

    async def connect(self, caller: Caller, call: RealtimeCall) -> Conversation:
        """
        Have a provider agree to a conversation.

        @return: To be joined, or the provider waits in vain.
        @raise GatewayError: None does.
        """
        call = evolve(call, model=self._meant(caller, call.model))

        async def ask(deployment: Deployment) -> IWebSocket:
            return await self._connect(deployment, call)

        turns = Turns(self._meter, self._router, caller, call.model)
        visit = await turns.admit()
        try:
            found = await self._router.occupy(call.model, ask, self._is_able)
        except BaseException:
            visit.failed()
            raise
        return Conversation(found.deployment, found.answer, turns, visit, self._clock)

    async def token(self, caller: Caller, call: TokenCall) -> bytes:
        """
        Have a provider give out a token of its own, for a conversation past this gateway.

        @return: The provider's answer, JSON.
        @raise GatewayError: None does; 403: the caller's conversations are to be paid.
        """
        if not caller.is_master:
            message = "What is spent with such a token nobody sees: only the master key gets one."
            raise GatewayError(403, message, code="master_key_needed")
        model = self._meant(caller, call.model)

        async def ask(deployment: Deployment) -> bytes:
            provider = IRealtimeProvider(self._provider(deployment))
            return await provider.realtime_token(deployment, call)

        found = await self._router.occupy(model, ask, self._is_able)
        found.answer.over(0)
        return found.answer.answer

    async def greet(self, deployment: Deployment) -> None:
        """
        Have one deployment agree to a conversation, whatever is known of it, and leave.

        @raise GatewayError: It does not.
        """
        if not self._is_able(deployment):
            raise _not_able(deployment.model_name)
        socket = await self._connect(deployment, RealtimeCall(deployment.model_name))
        socket.close(NORMAL, "")

    def _meant(self, caller: Caller, model: str) -> str:
        """The model name that the caller means and may use, for this API."""
        model = caller.alias(model)
        catalogue = self._router.catalogue
        caller.check(model, catalogue)
        if not any(map(self._is_able, catalogue.find(model))):
            raise _not_able(model)
        return model

    def _provider(self, deployment: Deployment) -> IProvider:
        return self._providers[entry_of(deployment.provider)]

    def _is_able(self, deployment: Deployment) -> bool:
        provider = self._provider(deployment)
        return (
            deployment.mock_response is None
            and IRealtimeProvider.providedBy(provider)
            and IRealtimeProvider(provider).has_realtime(deployment)
        )

    async def _connect(self, deployment: Deployment, call: RealtimeCall) -> IWebSocket:
        request = IRealtimeProvider(self._provider(deployment)).realtime(deployment, call)
        assert deployment.origin is not None
        try:
            return await self._client.connect(deployment.origin, request, deployment.timeout)
        except SwitchRefused as error:
            raise not_switched(deployment, error) from None
        except UpstreamError as error:
            raise broken(deployment, error) from None


def _not_able(model: str) -> GatewayError:
    return GatewayError(
        400,
        f"The model {model!r} has no provider that speaks the Realtime API.",
        param="model",
        code="realtime_not_supported",
    )
