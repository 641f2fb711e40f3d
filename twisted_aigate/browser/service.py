"""The browser cluster: requests in, what browsers found out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_aigate.browser.actions.base import Data
from twisted_aigate.browser.actions.content import take_picture
from twisted_aigate.browser.browser import Browser
from twisted_aigate.browser.cookies import CookieSync
from twisted_aigate.browser.errors import ActionFailed, BrowserDied, BrowserError, PageHung
from twisted_aigate.browser.parsing import Asked
from twisted_aigate.browser.pool import Pool
from twisted_aigate.browser.replica import Replica
from twisted_aigate.browser.saving import save_pictures
from twisted_aigate.browser.scale import Scale
from twisted_aigate.browser.script import Script, ScriptResult, run_script
from twisted_aigate.interfaces import Uploads

_T = TypeVar("_T")


@frozen
class Served(Generic[_T]):
    """
    What came of a request.

    @ivar replica: The name of the replica that did it.
    @ivar recovered: That one's browser was started anew since its client was there.
    @ivar value: What was found; C{None} when it failed.
    @ivar error: Why it failed.
    """

    replica: str
    recovered: bool
    value: _T | None
    error: str | None = None


@frozen
class Outcome:
    """
    What became of an action or a script.

    @ivar data: What was found.
    @ivar error: Why it failed.
    """

    data: Data
    error: str | None


class Browsers:
    """
    The service.

    @param pool: The replicas.
    @param cookies: Keeps their cookies alike.
    @param uploads: Keeps pictures; C{None}: nobody does.
    @param clock: What time it is.
    """

    _log = Logger()

    def __init__(
        self, pool: Pool, cookies: CookieSync, uploads: Uploads | None, clock: IReactorTime
    ) -> None:
        self.pool = pool
        self._cookies = cookies
        self._uploads = uploads
        self.now = clock.seconds

    async def perform(
        self, asked: Asked | Script, pin: str | None, base_url: str
    ) -> Served[Outcome]:
        """
        Do an action or a script. Cancelling abandons it: its browser is started anew.

        @param pin: The name of the replica that is to do it.
        @param base_url: Scheme and authority at which the caller reaches us.
        @raise BrowserError: It could not be done by any browser.
        """
        served = await self._serve(_work(asked), pin)
        if served.value is None:
            return served
        try:
            data = await save_pictures(served.value.data, self._uploads, base_url)
        except BrowserError as error:
            raise BrowserError(error.status, error.message, served.replica) from None
        return evolve(served, value=evolve(served.value, data=data))

    async def picture(self, kind: str, scale: Scale, pin: str | None) -> Served[bytes]:
        """
        Take a picture, as PNG.

        @param kind: Of the C{browser}'s page or of the C{desktop}.
        """
        return await self._serve(lambda browser: _Done(take_picture(browser, kind, scale)), pin)

    async def state(self, pin: str | None) -> Served[Data]:
        """Which page a replica shows, and where in its window."""
        return await self._serve(lambda browser: _Done(_state(browser)), pin)

    async def _serve(self, work: Callable[[Browser], _Done[_T]], pin: str | None) -> Served[_T]:
        replica = await self.pool.take(pin)
        recovered = replica.recovered and pin == replica.name
        replica.recovered = False
        try:
            await self._cookies.before(replica)
            done = await replica.run(work)
            if done.hung:
                replica.events.broken("its page does not answer")
        except PageHung as error:
            replica.events.broken(str(error))
            return Served(replica.name, recovered, None, str(error))
        except ActionFailed as error:
            return Served(replica.name, recovered, None, str(error))
        except BrowserDied as error:
            replica.events.broken(str(error))
            said = f"The browser ended in mid-action: {error}."
            raise BrowserError(502, said, replica.name) from None
        except CancelledError:
            replica.events.broken("a request was given up in mid-action")
            raise
        finally:
            self._cookies.after(replica)
            self.pool.release(replica)
        return Served(replica.name, recovered, done.value)

    def status(self) -> dict[str, Any]:
        """How the cluster is doing."""
        replicas = self.pool.status()
        return {
            "status": "ok",
            "num_replicas": len(replicas),
            "busy": sum(replica.state == "busy" for replica in replicas),
            "queued": self.pool.queued,
            "replicas": [self._described(replica) for replica in replicas],
        }

    def _described(self, replica: Replica) -> dict[str, Any]:
        idle = replica.state == "idle"
        return {
            "name": replica.name,
            "state": replica.state,
            "idle_seconds": round(self.now() - replica.idle_since, 3) if idle else None,
            "error": replica.failure,
        }


@frozen
class _Done(Generic[_T]):
    value: _T
    hung: bool = False


def _work(asked: Asked | Script) -> Callable[[Browser], _Done[Outcome]]:
    if isinstance(asked, Script):
        return lambda browser: _script(browser, asked)
    action, parameters = asked.action, asked.parameters
    return lambda browser: _Done(Outcome(action.run(browser, parameters), None))


def _script(browser: Browser, script: Script) -> _Done[Outcome]:
    result: ScriptResult = run_script(browser, script)
    return _Done(Outcome(result.data, result.error), result.hung)


def _state(browser: Browser) -> Data:
    info = browser.page.info()
    left, top = browser.page.script(
        "return [screenX + (outerWidth - innerWidth * devicePixelRatio) / 2,"
        " screenY + outerHeight - innerHeight * devicePixelRatio];"
    )
    return {"url": info.url, "title": info.title, "window_offset": {"x": left, "y": top}}
