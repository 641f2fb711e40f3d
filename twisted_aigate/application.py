"""
aigate as a Twisted service: when things start, listen, reload and stop.

Start: database, trees, then listening ports. Stop, in this order: listen no more, let requests in
flight and running jobs finish, cut what is left, end workers, sweeps, database and threads.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IAddress, IListeningPort
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_aigate.kernel import garbage
from twisted_aigate.kernel.service_manager import ServiceManager, given_sockets
from twisted_aigate.kernel.settings import Configuration, SettingsError, load
from twisted_aigate.kernel.signals import SignalHandlers
from twisted_aigate.platform import Platform
from twisted_aigate.web.site import Site


class CannotStart(Exception):
    """Something that the server needs is not to be had; the text says what, in one line."""


class Aigate(Service):
    """
    The service.

    @param reactor: Everything runs on it.
    @param read: Reads the configuration; called now and at each SIGHUP.
    @param started: Called when it serves.
    @raise SettingsError: The configuration cannot be used.
    """

    name = "aigate"
    _log = Logger()

    def __init__(
        self, reactor: Any, read: Callable[[], Configuration], started: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._started = started
        self._read = read
        self._manager = ServiceManager(os.environ, os.getpid(), reactor)
        configuration = read()
        self._settings = configuration.settings
        self._platform = Platform(reactor, configuration)
        self._ports: list[IListeningPort] = []
        self._starting: Deferred[None] | None = None
        self._grace_over: Deferred[None] = Deferred()

    # Starting.

    def startService(self) -> None:
        """Start everything, then listen."""
        Service.startService(self)
        handlers = SignalHandlers(self._reactor, self._reactor.stop, self._stop_now, self._reload)
        self._reactor.callWhenRunning(handlers.install)
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._cannot_start)

    async def _start(self) -> None:
        await self._platform.start()
        listening = []
        for site, description in self._endpoints():
            address = await self._listen(site, description)
            if site is self._platform.site:
                listening.append((description, address))
        await self._platform.open(listening)
        self._platform.summarise()
        self._manager.ready()
        self._started()

    def _endpoints(self) -> Iterator[tuple[Site, str]]:
        edge = self._settings.edge
        s3_listen = self._settings.storage.s3_listen or ""
        taken = set(map(str.strip, s3_listen.split(";")))
        given = given_sockets()
        ours = ";".join(each for each in given if each not in taken)
        sites = [
            (self._platform.site, edge.listen or ours or f"tcp:{edge.port}"),
            (self._platform.s3_site, s3_listen),
        ]
        for site, listen in sites:
            for description in filter(None, map(str.strip, listen.split(";"))):
                if site is None:
                    raise CannotStart("STORAGE_S3_LISTEN is set, but storage is off")
                yield site, description

    async def _listen(self, site: Site, description: str) -> IAddress:
        try:
            port = await serverFromString(self._reactor, description).listen(site)
        except Exception as error:
            raise CannotStart(f"cannot listen on {description}: {error}") from None
        self._ports.append(port)
        address: IAddress = port.getHost()
        self._log.info("listening on {address}", address=str(address))
        return address

    def _cannot_start(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        self._log.critical("aigate: {reason}", reason=str(failure.value))
        # twistd has no exit status for a reactor that stops by itself.
        atexit.register(_exit_with_failure)
        self._reactor.callWhenRunning(self._reactor.stop)

    # Running.

    def _reload(self) -> None:
        self._manager.reloading()
        try:
            self._platform.reload(self._read())
        except SettingsError as error:
            self._log.error("not reloaded, nothing has changed: {error}", error=str(error))
        self._manager.ready()

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """Stop; fires when nothing of us is left."""
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        self._log.info("stopping: finishing the requests in flight")
        self._manager.stopping()
        if self._starting is not None:
            self._starting.cancel()
        await DeferredList([_stop_listening(port) for port in self._ports])
        grace = self._reactor.callLater(self._settings.edge.shutdown_grace, self._stop_now)
        sites = [site for site in (self._platform.site, self._platform.s3_site) if site is not None]
        draining = [site.drain() for site in sites]
        drained: Deferred[Any] = DeferredList([*draining, self._platform.drain()])
        await DeferredList([drained, self._grace_over], fireOnOneCallback=True)
        if grace.active():
            grace.cancel()
        if not drained.called:
            self._log.warn("cutting the connections and jobs that are left")
            for site in sites:
                site.abort()
            self._platform.cut()
            await drained
        await self._platform.stop()
        self._manager.stop()
        self._log.info("stopped")

    def _stop_now(self) -> None:
        if not self._grace_over.called:
            self._grace_over.callback(None)


def _exit_with_failure() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)


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
    return Aigate(reactor, lambda: load(os.environ, folder), garbage.settle)
