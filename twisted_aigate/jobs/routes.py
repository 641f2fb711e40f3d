"""The jobs' routes: any C{POST} of the gateway, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from twisted.logger import Logger

from twisted_aigate.jobs.errors import NoResponse, NoSuchJob
from twisted_aigate.jobs.models import Ask, Fields, Job, Owner
from twisted_aigate.jobs.sealing import Seal
from twisted_aigate.jobs.service import Jobs
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.web.auth import Authorise, presented_token
from twisted_aigate.web.errors import ErrorFormat, Headers, HTTPError, RenderedError
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router

Authorisers = Callable[[bytes], Authorise[Any] | None]
"""What says who may C{POST} to a path of the gateway; C{None}: no one, there is no such path."""

_log = Logger()
_ID = re.compile(r"[0-9a-f]{32}")
_NEVER = re.compile(rb"(/v1)?/key/")
"""Paths that answer with keys, which must not lie on a disk."""

_DROPPED = frozenset(
    (
        # Keys, kept sealed apart.
        b"authorization",
        b"proxy-authorization",
        b"cookie",
        # What belongs to the connection.
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"keep-alive",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        # What is kept by itself.
        b"cf-connecting-ip",
        b"x-forwarded-for",
        b"x-request-id",
    )
)
_DEFAULT_PAGE = 100
_MOST_PAGE = 1000


def job_errors(render: ErrorFormat) -> ErrorFormat:
    """How errors are worded here: as C{render}, the gateway's, does."""

    def rendered(error: Exception, request_id: str) -> RenderedError | None:
        if isinstance(error, NoSuchJob):
            error = HTTPError(404, "There is no such job.", code="job_not_found")
        elif isinstance(error, NoResponse):
            message = "The job ended without a whole response."
            error = HTTPError(502, message, code="no_response")
        elif isinstance(error, DatabaseUnavailable):
            _log.error("the database: {error}", error=str(error), request_id=request_id)
            full = isinstance(error, DatabaseFull)
            error = HTTPError(507 if full else 503, "Jobs cannot be kept now. Try again later.")
        return render(error, request_id)

    return rendered


class JobRoutes:
    """
    Jobs over HTTP.

    @param jobs: The service.
    @param seal: Names owners.
    @param authorisers: The gateway's own, by path.
    @param authorise: The gateway's own, for who looks at jobs.
    @param key_headers: Where keys may stand beside C{Authorization}, in lower case.
    @param max_body: The most bytes of a body; 0: no limit.
    """

    def __init__(
        self,
        jobs: Jobs,
        seal: Seal,
        authorisers: Authorisers,
        authorise: Authorise[Any],
        key_headers: tuple[bytes, ...],
        max_body: int,
    ) -> None:
        self._jobs = jobs
        self._seal = seal
        self._authorisers = authorisers
        self._gateway_authorise = authorise
        self._key_headers = key_headers
        self._dropped = _DROPPED | set(key_headers)
        self._max_body = max_body
        self.router = router = Router()
        router.add("GET", "/__jobs", self._list, self._looks)
        router.add("GET", "/__jobs/<job_id>", self._status, self._looks)
        router.add("GET", "/__jobs/<job_id>/content", self._content, self._looks)
        router.add("DELETE", "/__jobs/<job_id>", self._delete, self._looks)
        router.add("POST", "/<path:path>", self._take, self._sends)

    # Who calls.

    async def _sends(self, request: Request) -> Owner:
        authorise = self._authorisers(request.subpath)
        if authorise is None or _NEVER.match(request.subpath):
            raise HTTPError(404, "There is nothing at this path that can be a job.")
        return await self._owner(request, authorise)

    async def _looks(self, request: Request) -> Owner:
        return await self._owner(request, self._gateway_authorise)

    async def _owner(self, request: Request, authorise: Authorise[Any]) -> Owner:
        caller = authorise(request)
        if isawaitable(caller):
            await caller
        return self._seal.owner(presented_token(request, *self._key_headers))

    # What they call.

    async def _take(self, request: Request, owner: Owner, path: str) -> Reply:
        target = request.subpath
        if request.query:
            target += b"?" + request.query
        fields = tuple(field for field in request.fields if field[0] not in self._dropped)
        ask = Ask(target, fields, request.client_address, request.id)
        job = await self._jobs.take(
            owner, ask, lambda consumer: request.body.deliver(consumer, self._max_body)
        )
        return json_reply({"job_id": job.id, "status": job.status}, 202, _location(job))

    async def _list(self, request: Request, owner: Owner) -> Reply:
        limit = _limit(request)
        after = request.args.get(b"after", [b""])[0].decode("latin-1") or None
        page = await self._jobs.page(owner, _checked(after) if after else None, limit + 1)
        return json_reply(
            {
                "object": "list",
                "data": [_described(job) for job in page[:limit]],
                "has_more": len(page) > limit,
            }
        )

    async def _find(self, owner: Owner, job_id: str) -> Job:
        return await self._jobs.find(owner, _checked(job_id))

    async def _status(self, request: Request, owner: Owner, job_id: str) -> Reply:
        return json_reply(_described(await self._find(owner, job_id)))

    async def _content(self, request: Request, owner: Owner, job_id: str) -> Reply:
        job = await self._find(owner, job_id)
        if not job.is_over:
            return json_reply(_described(job), 202, _location(job))
        body = await self._jobs.content(job)
        status, content_type, fields = _head(job)
        if request.method == b"HEAD":
            body.close()
            return Reply(b"", content_type, status, fields, head_length=body.length)
        return Reply(body, content_type, status, fields)

    async def _delete(self, request: Request, owner: Owner, job_id: str) -> Reply:
        return json_reply(_described(await self._jobs.delete(owner, _checked(job_id))))


def _checked(job_id: str) -> str:
    if not _ID.fullmatch(job_id):
        raise NoSuchJob
    return job_id


def _limit(request: Request) -> int:
    text = request.args.get(b"limit", [b"%d" % _DEFAULT_PAGE])[0]
    if not re.fullmatch(rb"[0-9]{1,4}", text) or not 1 <= int(text) <= _MOST_PAGE:
        message = f"limit is a whole number of 1 to {_MOST_PAGE}."
        raise HTTPError(400, message, param="limit")
    return int(text)


def _location(job: Job) -> Headers:
    return ((b"Location", f"/q/__jobs/{job.id}".encode("ascii")),)


def _described(job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "status": job.status,
        "path": job.path,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def _head(job: Job) -> tuple[int, bytes, Fields]:
    assert job.response_status is not None
    content_type = b""
    fields = []
    for name, value in job.response_fields:
        if name.lower() == b"content-type":
            content_type = value
        else:
            fields.append((name, value))
    return job.response_status, content_type, tuple(fields)
