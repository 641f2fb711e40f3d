"""
The whole: the only module that knows every tree.

Start: settings, threads, trees, site, listening ports. Stop, in this order: listen no more, let
requests in flight finish, cut what is left, end workers, end threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import SystemRandom
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.gateway.config_file import SECTIONS
from twisted_aigate.gateway.routes import GatewayRoutes, render_openai_error
from twisted_aigate.gateway.tree import GatewayTree, usable_local_models
from twisted_aigate.kernel.settings import Configuration, SettingsError, load
from twisted_aigate.kernel.signals import SignalHandlers
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.auth import bearer
from twisted_aigate.web.off import SwitchedOff, render_json_error
from twisted_aigate.web.proxies import LOOPBACK, ClientAddresses
from twisted_aigate.web.ratelimit import RateLimiter
from twisted_aigate.web.site import Site, Tree

_FILE_THREADS = 8
_KEY_HEADERS = (b"x-api-key", b"api-key")
"""Where anthropic's and azure's clients put the key."""

_WELL_KNOWN_TOKENS = (b"sk-1234", b"sk-master", b"changeme", b"secret", b"password")

_TRY = (
    "try: . ./.env; curl localhost:{port}/v1/chat/completions"
    ' -H "Authorization: Bearer $LITELLM_MASTER_KEY" -H "Content-Type: application/json"'
    ' -d \'{{"model": "default", "messages": [{{"role": "user", "content": "Hello!"}}]}}\''
)
"""The command that a new user is shown."""

_ABSENT = {
    "claudebox": "claudebox",
    "claudebox-zai": "claudebox",
    "storage": "storage",
    "stealthy-auto-browse": "browser",
}
"""Trees that this version does not have yet: prefix to rate-limit zone."""


class Aigate(Service):
    """
    aigate as a service.

    @param reactor: Everything runs on it.
    @param read: Reads the configuration; called now and at each SIGHUP.
    @raise SettingsError: The configuration cannot be used.
    """

    name = "aigate"
    _log = Logger()

    def __init__(self, reactor: Any, read: Callable[[], Configuration]) -> None:
        self._reactor = reactor
        self._read = read
        configuration = read()
        self._settings = configuration.settings
        self._warn_unknown(configuration)
        uploads = self._settings.data_dir / "uploads"
        uploads.mkdir(parents=True, exist_ok=True)
        self._threads = Threads(reactor, _FILE_THREADS, "files")
        self._gateway = GatewayTree(reactor, configuration, self._threads, uploads, SystemRandom())
        self._site = self._make_site(uploads)
        self._ports: list[IListeningPort] = []
        self._grace_over: Deferred[None] = Deferred()

    def _warn_unknown(self, configuration: Configuration) -> None:
        for section in sorted(set(configuration.file) - set(SECTIONS)):
            self._log.warn(
                "configuration: {section} is not supported and has no effect", section=section
            )

    def _limiter(self, zone: str) -> RateLimiter | None:
        limits = self._settings.edge.rate_limits
        rate: Rate | None = getattr(limits, zone)
        burst: int = getattr(limits, f"{zone}_burst")
        return None if rate is None else RateLimiter(rate, burst, self._reactor)

    def _make_site(self, uploads: Path) -> Site:
        edge = self._settings.edge
        routes = GatewayRoutes(
            self._gateway.gateway,
            self._gateway.health,
            bearer(self._settings.master_key, *_KEY_HEADERS),
            edge.max_body_size,
            self._threads,
            uploads,
        )
        gateway = Tree(
            b"",
            routes.router,
            render_openai_error,
            self._limiter("api"),
            frozenset(routes.router.unlimited),
            edge.timeouts.api,
        )
        absent = [
            Tree(
                prefix.encode("ascii"),
                SwitchedOff(f"/{prefix}/ is not part of this version of aigate."),
                render_json_error,
                self._limiter(zone),
                frozenset(),
                edge.timeouts.api,
            )
            for prefix, zone in _ABSENT.items()
        ]
        trusted = edge.trusted_proxies
        if self._settings.switches.tunnel:
            trusted = (*trusted, *LOOPBACK)
        return Site([gateway, *absent], ClientAddresses(trusted), self._reactor)

    # Starting.

    def startService(self) -> None:
        """Listen."""
        Service.startService(self)
        listen = self._settings.edge.listen or f"tcp:{self._settings.edge.port}"
        for description in filter(None, map(str.strip, listen.split(";"))):
            self._listen(description)
        handlers = SignalHandlers(self._reactor, self._reactor.stop, self._stop_now, self._reload)
        self._reactor.callWhenRunning(handlers.install)
        self._summarise()

    def _listen(self, description: str) -> None:
        try:
            listening = serverFromString(self._reactor, description).listen(self._site)
        except Exception as error:
            raise SystemExit(f"aigate: AIGATE_LISTEN: {description!r}: {error}") from None
        refused: list[Failure] = []
        listening.addCallbacks(self._listening, refused.append)
        if refused:
            # Past the settings' checks, and a traceback would tell the operator nothing.
            raise SystemExit(f"aigate: cannot listen on {description}: {refused[0].value}")

    def _listening(self, port: IListeningPort) -> None:
        self._ports.append(port)
        self._log.info("listening on {address}", address=str(port.getHost()))

    def _summarise(self) -> None:
        names = self._gateway.gateway.catalogue.names
        if names:
            self._log.info("on: {models}", models=", ".join(names))
        else:
            self._log.warn("no model is on: run make local-models, or set AIGATE_CONFIG")
        for entry, off in usable_local_models(self._settings):
            if off is not None:
                self._log.info("off: {model}: {reason}", model=entry.name, reason=off)
        for prefix in _ABSENT:
            self._log.info("off: /{tree}/: not part of this version", tree=prefix)
        if any(self._settings.master_key.matches(token) for token in _WELL_KNOWN_TOKENS):
            self._log.warn(
                "LITELLM_MASTER_KEY is a well-known default: anyone can use this server. Change it."
            )
        if names:
            self._log.info(_TRY, port=self._settings.edge.port)

    # Running.

    def _reload(self) -> None:
        try:
            configuration = self._read()
            self._gateway.reload(configuration)
        except SettingsError as error:
            self._log.error("not reloaded, nothing has changed: {error}", error=str(error))
        else:
            names = ", ".join(self._gateway.gateway.catalogue.names)
            self._log.info("reloaded; on: {names}", names=names)

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """Stop; fires when nothing of us is left."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._log.info("stopping: finishing the requests in flight")
        await DeferredList([_stop_listening(port) for port in self._ports])
        grace = self._reactor.callLater(self._settings.edge.shutdown_grace, self._stop_now)
        drained = self._site.drain()
        await DeferredList([drained, self._grace_over], fireOnOneCallback=True)
        if grace.active():
            grace.cancel()
        if not drained.called:
            self._log.warn("cutting the connections that are left")
            self._site.abort()
            await drained
        await self._gateway.stop()
        self._threads.stop()
        self._log.info("stopped")

    def _stop_now(self) -> None:
        if not self._grace_over.called:
            self._grace_over.callback(None)


def _stop_listening(port: IListeningPort) -> Deferred[None]:
    stopped: Deferred[None] = Deferred()
    result = port.stopListening()
    if isinstance(result, Deferred):
        result.addBoth(lambda _: stopped.callback(None))
    else:
        stopped.callback(None)
    return stopped


def make_service(reactor: Any) -> Aigate:
    """
    The service that C{twistd aigate} runs, configured by the environment and C{./.env}.

    @raise SettingsError: The configuration cannot be used.
    """
    folder = Path.cwd()
    return Aigate(reactor, lambda: load(os.environ, folder))
