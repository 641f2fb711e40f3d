"""The browser cluster as a whole: built out of the configuration, started, stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from twisted.logger import Logger

from twisted_aigate.browser.cookie_store import CookieStore, LocalCookies, SharedCookies
from twisted_aigate.browser.cookies import CookieSync
from twisted_aigate.browser.grid import GridLauncher
from twisted_aigate.browser.launching import Launcher, LocalLauncher
from twisted_aigate.browser.leftovers import end_leftovers
from twisted_aigate.browser.live import Live
from twisted_aigate.browser.pool import Pool
from twisted_aigate.browser.programs import Grid, Programs
from twisted_aigate.browser.service import Browsers
from twisted_aigate.browser.watch import Watch
from twisted_aigate.http_client.guarded import name_resolver
from twisted_aigate.interfaces import Uploads
from twisted_aigate.kernel.addresses import is_public
from twisted_aigate.kernel.figures import Family, gauge
from twisted_aigate.kernel.processes import minimal_environment
from twisted_aigate.kernel.redis import Redis
from twisted_aigate.kernel.settings import Configuration
from twisted_aigate.kernel.threads import Threads

_PICTURE_THREADS = 2


class BrowserTree:
    """
    The cluster and what it runs on.

    @param reactor: Starts and watches processes, listens, connects, keeps time.
    @param configuration: The configuration.
    @param programs: What browsers are made of.
    @param threads: Where files are written, and processes looked at.
    @param random: Makes input uneven.
    @param uploads: Keeps pictures; C{None}: nobody does.
    @param redis: Where cookies are kept for several processes; C{None}: here.
    @ivar browsers: The service.
    @ivar live: The browsers to watch.
    @ivar token: What callers present.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        programs: Programs | Grid,
        threads: Threads,
        random: Random,
        uploads: Uploads | None,
        redis: Redis | None,
    ) -> None:
        settings = configuration.settings
        browser = settings.browser
        self._threads = threads
        self._folder = (settings.data_dir / "browser").absolute()
        self._launcher = self._make_launcher(reactor, configuration, programs, threads, random)
        self._pool = Pool(reactor, self._launcher, browser.replicas, browser.queue_timeout)
        replicas = self._pool.status()
        store: CookieStore = LocalCookies() if redis is None else SharedCookies(redis)
        self._cookies = CookieSync(reactor, store, replicas)
        self._watch = Watch(reactor, replicas, browser.memory_limit)
        self.browsers = Browsers(self._pool, self._cookies, uploads, reactor)
        self._pictures = Threads(reactor, _PICTURE_THREADS, "pictures")
        self.live = Live(reactor, self._pool, self._pictures)
        self.token = browser.token

    def _make_launcher(
        self,
        reactor: Any,
        configuration: Configuration,
        programs: Programs | Grid,
        threads: Threads,
        random: Random,
    ) -> Launcher:
        settings = configuration.settings
        folder = self._folder
        if isinstance(programs, Grid):
            return GridLauncher(reactor, programs.url, folder)
        is_open = settings.browser.allow_private
        return LocalLauncher(
            reactor,
            programs,
            folder,
            minimal_environment(configuration.environment),
            threads,
            name_resolver(reactor),
            _anywhere if is_open else is_public,
            is_open,
            random,
        )

    async def figures(self) -> Sequence[Family]:
        """See L{twisted_aigate.interfaces.FigureSource}."""
        states = Counter(replica.state for replica in self._pool.status())
        samples = [((state,), count) for state, count in states.items()]
        return [
            Family("aigate_browsers", "gauge", "Browsers, by state.", samples, ("state",)),
            gauge("aigate_browser_queue", "Requests that wait for a browser.", self._pool.queued),
        ]

    async def start(self) -> None:
        """End what an earlier server has left, and look after browsers, which start when wanted."""
        await self._launcher.prepare()
        count = await self._threads.run(end_leftovers, self._folder)
        if count:
            self._log.warn("ended {count} processes of an earlier server's browsers", count=count)
        self._watch.start()

    async def stop(self) -> None:
        """End all browsers."""
        self._watch.stop()
        self._cookies.stop()
        await self._pool.stop()
        self._pictures.stop()


def _anywhere(address: str) -> bool:
    return True
