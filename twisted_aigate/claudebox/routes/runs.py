"""Runs over HTTP."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from twisted.web.iweb import UNKNOWN_LENGTH

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.follow import Follower
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.results import public_status
from twisted_aigate.claudebox.service import Claudebox
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.web.auth import Authorise
from twisted_aigate.web.json_body import parse
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

_decoder = msgspec.json.Decoder(RunRequest)
_MOST_DIGITS = 18
_KEEP_ALIVE = b": keep-alive\n\n"


class RunRoutes:
    """
    C{/run} and C{/status} over L{Claudebox}.

    @param claudebox: The service.
    @param max_body: The most bytes of a request; 0: no limit.
    """

    def __init__(self, claudebox: Claudebox, max_body: int) -> None:
        self._claudebox = claudebox
        self._max_body = max_body

    def add_to(self, router: Router, authorise: Authorise[None]) -> None:
        """Add the routes."""
        router.add("GET", "/status", self._status, authorise)
        router.add("POST", "/run", self._run, authorise)
        router.add("GET", "/run/result", self._result, authorise)
        router.add("GET", "/run/events", self._events, authorise)
        router.add("POST", "/run/cancel", self._cancel, authorise)

    async def _status(self, request: Request, caller: None) -> Reply:
        runs = list(self._claudebox.runs)
        return json_reply(
            {
                "busyWorkspaces": sorted(run.workspace.name for run in runs),
                "runs": [
                    {
                        "runId": run.record.id,
                        "workspace": run.workspace.name,
                        "status": run.status,
                    }
                    for run in runs
                ],
            }
        )

    async def _run(self, request: Request, caller: None) -> Reply:
        asked = parse(_decoder, await request.body.read(self._max_body), status=422)
        if asked.detach:
            run = await self._claudebox.start(asked)
            told = {"status": run.status, "runId": run.record.id, "workspace": run.workspace.name}
            return json_reply(told, 202)
        # The run has a time-out of its own, which ends it and says so; or is to have none.
        request.be_patient()
        return Reply(await self._claudebox.run(asked))

    async def _result(self, request: Request, caller: None) -> Reply:
        result = await self._claudebox.result(_run_id(request))
        return json_reply(result) if isinstance(result, dict) else Reply(result)

    async def _events(self, request: Request, caller: None) -> Reply:
        last = request.field(b"last-event-id") or b"0"
        if not last.isdigit() or len(last) > _MOST_DIGITS:
            raise ClaudeboxError(400, "Last-Event-ID is not the id of an event of this run.")
        run_id = _run_id(request)
        follower = await self._claudebox.follow(run_id, int(last))
        headers = ((b"Cache-Control", b"no-store"), (b"X-Accel-Buffering", b"no"))
        return Reply(
            _Events(self._claudebox, follower, run_id), b"text/event-stream", headers=headers
        )

    async def _cancel(self, request: Request, caller: None) -> Reply:
        run = await self._claudebox.runs.cancel(
            _argument(request, b"workspace"), _argument(request, b"runId")
        )
        outcome = await run.over.wait()
        return json_reply(
            {
                "status": public_status(outcome.status),
                "runId": run.record.id,
                "workspace": run.workspace.name,
            }
        )


class _Events(CoroutineProducer):
    """
    The events of a run, and last of all how it ended.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    def __init__(self, claudebox: Claudebox, follower: Follower, run_id: str) -> None:
        self._follower = follower

        async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            try:
                while (lines := await follower.lines()) is not None:
                    for line in lines:
                        write(b"id: %d\ndata: %b\n\n" % (line.end, line.text))
                    if not lines:
                        write(_KEEP_ALIVE)
                    await producer.ready()
                record = await claudebox.results.find(run_id)
                status = "" if record.outcome is None else public_status(record.outcome.status)
                end = msgspec.json.encode({"runId": run_id, "status": status})
                write(b"event: end\ndata: %b\n\n" % end)
            finally:
                follower.stop()

        super().__init__(UNKNOWN_LENGTH, produce)

    def stopProducing(self) -> None:
        """Also when it is stopped before it has begun."""
        super().stopProducing()
        self._follower.stop()


def _argument(request: Request, name: bytes) -> str | None:
    values = request.args.get(name)
    return values[0].decode("utf-8", "replace") if values else None


def _run_id(request: Request) -> str:
    run_id = _argument(request, b"runId")
    if run_id is None:
        raise ClaudeboxError(400, "The query has no runId.")
    return run_id
