"""The gateway over HTTP: parse, authorise, call, render."""

from __future__ import annotations

from pathlib import Path

from twisted_aigate.gateway.accounting.accounts import Accounts
from twisted_aigate.gateway.agent.service import Agent
from twisted_aigate.gateway.cache.service import ResponseCache
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.health import HealthChecks
from twisted_aigate.gateway.realtime.service import Realtime
from twisted_aigate.gateway.routes.cache import CacheRoutes
from twisted_aigate.gateway.routes.callers import KEY_HEADERS, known_callers, tool_caller
from twisted_aigate.gateway.routes.calls import CallRoutes
from twisted_aigate.gateway.routes.errors import errors_for, render_openai_error
from twisted_aigate.gateway.routes.health import HealthRoutes
from twisted_aigate.gateway.routes.keys import KeyRoutes
from twisted_aigate.gateway.routes.listing import ListingRoutes
from twisted_aigate.gateway.routes.realtime import RealtimeRoutes
from twisted_aigate.gateway.routes.responses import ResponseRoutes
from twisted_aigate.gateway.routes.spend import SpendRoutes
from twisted_aigate.gateway.service import Gateway
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.routing import Router

__all__ = [
    "KEY_HEADERS",
    "errors_for",
    "gateway_routes",
    "known_callers",
    "render_openai_error",
    "tool_caller",
]


def gateway_routes(
    gateway: Gateway,
    agent: Agent,
    realtime: Realtime,
    health: HealthChecks,
    accounts: Accounts,
    cache: ResponseCache,
    authorise: Authorise[Caller],
    authorise_messages: Authorise[Caller],
    max_body: int,
    threads: Threads,
    folder: Path,
) -> Router:
    """
    The gateway's routes.

    @param gateway: What answers.
    @param agent: The same, for calls whose models may call tools.
    @param realtime: Begins conversations.
    @param health: Tries deployments.
    @param accounts: Has the keys, and what they spent.
    @param cache: The cache of answers.
    @param authorise: Says who calls.
    @param authorise_messages: Says who calls Anthropic's API.
    @param max_body: The most bytes of a body; 0: no limit.
    @param threads: Where forms are parsed and written.
    @param folder: The disk that uploads are put on.
    """
    router = Router()
    calls = CallRoutes(gateway, agent, max_body, threads, folder)
    conversations = RealtimeRoutes(realtime, max_body)
    listing = ListingRoutes(gateway)
    keys = KeyRoutes(accounts.keys, max_body)
    spend = SpendRoutes(accounts.reports)
    responses = ResponseRoutes(gateway)
    for prefix in ("", "/v1"):
        calls.add_to(router, prefix, authorise, authorise_messages)
        conversations.add_to(router, prefix, authorise)
        listing.add_to(router, prefix, authorise)
        keys.add_to(router, prefix, authorise)
        spend.add_to(router, prefix, authorise)
        responses.add_to(router, prefix, authorise)
    calls.add_cohere_to(router, authorise)
    calls.add_named_to(router, authorise)
    CacheRoutes(cache, max_body).add_to(router, authorise)
    HealthRoutes(health, accounts, cache).add_to(router, authorise)
    return router
