"""The jobs' routes in memory, over a gateway that has two keys and a few paths."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.web.iweb import IResponse

from tests.jobs.case import JobsCase
from tests.support.edge import render_root_error
from tests.support.traversal import SiteClient
from twisted_aigate.jobs.routes import JobRoutes, job_errors
from twisted_aigate.kernel.database import DatabaseFull, DatabaseUnavailable
from twisted_aigate.web.auth import presented_token, unauthorized
from twisted_aigate.web.internal import InternalRequests
from twisted_aigate.web.proxies import ClientAddresses
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Site, Tree

_KEYS = (b"sk-master", b"sk-alice", b"sk-bob")
_LIMIT = 100


def _authorise(request: Request) -> bytes:
    key = presented_token(request, b"x-api-key")
    if key not in _KEYS:
        raise unauthorized("wrong")
    return key


async def _authorise_later(request: Request) -> bytes:
    return _authorise(request)


class RoutesTests(JobsCase):
    """Taken by one key, looked at by others."""

    def setUp(self) -> None:
        self.gates: list[Deferred[None]] = []
        self.sent: list[list[tuple[bytes, bytes]]] = []
        gateway = Router()
        gateway.add("POST", "/echo", self.echo, _authorise_later)
        gateway.add("POST", "/wait", self.wait, _authorise)
        gateway.add("POST", "/v1/key/generate", self.echo, _authorise)
        super().setUp()
        tree = Tree(b"", gateway, render_root_error, None, frozenset(), 600.0)
        self.posts = InternalRequests(Site([tree], ClientAddresses(()), self.clock))
        self.afresh()
        routes = JobRoutes(
            self.jobs,
            self.seal,
            lambda path: gateway.authoriser(b"POST", path),
            _authorise,
            (b"x-api-key",),
            _LIMIT,
        )
        errors = job_errors(render_root_error)
        queue = Tree(b"q", routes.router, errors, None, frozenset(), 600.0)
        self.client = SiteClient(Site([tree, queue], ClientAddresses(()), self.clock))
        self.runner.start([])

    async def echo(self, request: Request, caller: bytes) -> Reply:
        """Answer with what was sent, and who sent it."""
        self.sent.append(list(request.fields))
        body = await request.body.read(0)
        return Reply(caller + b":" + request.query + b":" + body, b"text/x", 203, ((b"X-A", b"b"),))

    async def wait(self, request: Request, caller: bytes) -> Reply:
        """Answer when the test says so."""
        gate: Deferred[None] = Deferred()
        self.gates.append(gate)
        await gate
        return json_reply("waited")

    def call(
        self, method: str, path: str, key: str = "sk-alice", **more: Any
    ) -> tuple[IResponse, Any]:
        """A response, its body parsed when it is JSON."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers.update(more.pop("headers", {}))
        requested = self.client.request(method, f"http://test{path}", headers=headers, **more)
        response = self.successResultOf(requested)
        body = self.successResultOf(response.content())
        kind = response.headers.getRawHeaders("content-type", [""])[0]
        return response, msgspec.json.decode(body) if kind == "application/json" else body

    def send(self, path: str = "/echo", key: str = "sk-alice", **more: Any) -> str:
        """Send a job; its path."""
        response, body = self.call("POST", f"/q{path}", key, data=b"hi", **more)
        self.assertEqual((response.code, body["status"]), (202, "queued"))
        (location,) = response.headers.getRawHeaders("location")
        self.assertEqual(location, f"/q/__jobs/{body['job_id']}")
        return location

    def test_response(self) -> None:
        """The response is the gateway's, to whom sent the job."""
        job = self.send("/echo?a=b", headers={"Content-Type": "text/y", "X-Request-Id": "r7"})
        response, body = self.call("GET", f"{job}/content")
        self.assertEqual((response.code, body), (203, b"sk-alice:a=b:hi"))
        self.assertEqual(response.headers.getRawHeaders("content-type"), ["text/x"])
        self.assertEqual(response.headers.getRawHeaders("x-a"), ["b"])
        self.assertEqual(response.length, len(body))
        self.assertIn((b"content-type", b"text/y"), self.sent[0])
        self.assertIn((b"x-request-id", b"r7"), self.sent[0])
        _, status = self.call("GET", job)
        self.assertEqual(
            status,
            {
                "job_id": job.rpartition("/")[2],
                "status": "completed",
                "path": "/echo",
                "created_at": 1000.0,
                "started_at": 1000.0,
                "finished_at": 1000.0,
            },
        )

    def test_head(self) -> None:
        """A HEAD has the fields alone."""
        job = self.send()
        response, body = self.call("HEAD", f"{job}/content")
        self.assertEqual((response.code, body), (203, b""))
        self.assertEqual(response.headers.getRawHeaders("content-length"), ["12"])

    def test_bare_key(self) -> None:
        """A key in a field of its own is one, and is kept sealed as well."""
        job = self.send("/wait", "", headers={"X-Api-Key": "sk-bob"})
        row = self.database.now(lambda each: each.exec_driver_sql("select * from jobs").one())
        self.assertNotIn("sk-bob", str(row))
        self.assertEqual(self.call("GET", job, "sk-bob")[0].code, 200)

    def test_not_done(self) -> None:
        """Until then the content is the status; once deleted, nothing."""
        job = self.send("/wait")
        for path in (job, f"{job}/content"):
            response, body = self.call("GET", path)
            self.assertEqual(response.code, 202 if path != job else 200)
            self.assertEqual((body["status"], body["finished_at"]), ("running", None))
        response, body = self.call("DELETE", job)
        self.assertEqual((response.code, body["status"]), (200, "cancelled"))
        for method, path in (("GET", job), ("GET", f"{job}/content"), ("DELETE", job)):
            self.assertEqual(self.call(method, path)[0].code, 404)

    def test_foreign(self) -> None:
        """Another key sees nothing; the master key sees it, and may delete it."""
        job = self.send()
        for method, path in (("GET", job), ("GET", f"{job}/content"), ("DELETE", job)):
            self.assertEqual(self.call(method, path, "sk-bob")[0].code, 404)
            self.assertEqual(self.call(method, path, "")[0].code, 401)
        self.assertEqual(self.call("GET", "/q/__jobs", "sk-bob")[1]["data"], [])
        self.assertEqual(len(self.call("GET", "/q/__jobs", "sk-master")[1]["data"]), 1)
        self.assertEqual(self.call("DELETE", job, "sk-master")[0].code, 200)

    def test_refused(self) -> None:
        """Without a key, without a path, over the size: at once, and nothing is kept."""
        refusals = (
            ("POST", "/q/echo", "sk-x", 401),
            ("POST", "/q/nothing", "sk-alice", 404),
            ("POST", "/q/__jobs", "sk-alice", 404),
            ("POST", "/q/v1/key/generate", "sk-master", 404),
            ("GET", "/q/echo", "sk-alice", 405),
        )
        for method, path, key, status in refusals:
            self.assertEqual(self.call(method, path, key)[0].code, status, path)
        response, _ = self.call("POST", "/q/echo", data=b"x" * (_LIMIT + 1))
        self.assertEqual((response.code, self.there()), (413, []))

    def test_list(self) -> None:
        """A page at a time, the newest first."""
        jobs = []
        for _ in range(3):
            jobs.append(self.send().rpartition("/")[2])
            self.clock.advance(1)
        _, page = self.call("GET", "/q/__jobs?limit=2")
        self.assertEqual([each["job_id"] for each in page["data"]], [jobs[2], jobs[1]])
        self.assertTrue(page["has_more"])
        _, page = self.call("GET", f"/q/__jobs?limit=2&after={jobs[1]}")
        self.assertEqual([each["job_id"] for each in page["data"]], [jobs[0]])
        self.assertFalse(page["has_more"])
        for limit in ("0", "1001", "x", "-1", ""):
            self.assertEqual(self.call("GET", f"/q/__jobs?limit={limit}")[0].code, 400, limit)
        for after in ("x", "0" * 32, "%00"):
            self.assertEqual(self.call("GET", f"/q/__jobs?after={after}")[0].code, 404, after)

    def test_no_such_job(self) -> None:
        """Whatever stands in its place."""
        for job_id in ("0" * 32, "x", "%00", "..", "%2e%2e"):
            self.assertEqual(self.call("GET", f"/q/__jobs/{job_id}")[0].code, 404, job_id)

    def test_no_response(self) -> None:
        """A job that ended without one says so."""
        job = self.send("/wait")
        self.gates[0].errback(ValueError())
        self.flushLoggedErrors(ValueError)
        self.assertEqual(self.call("GET", f"{job}/content")[0].code, 500)
        self.database.now(
            lambda each: each.exec_driver_sql("update jobs set response_status = null")
        )
        self.assertEqual(self.call("GET", f"{job}/content")[0].code, 502)

    def test_database_away(self) -> None:
        """That is said as what it is."""
        for error, status in ((DatabaseUnavailable("away"), 503), (DatabaseFull("full"), 507)):
            self.database.refuse = [error]
            self.assertEqual(self.call("GET", "/q/__jobs")[0].code, status)
