"""What all trees share: limits, addresses, ids in the log, one line for each request."""

from __future__ import annotations

import ipaddress
import json

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, make_site, post, render_plain_error
from tests.support.logs import record_log, text_of
from twisted_aigate.kernel.identifiers import current_request_id
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.auth import public
from twisted_aigate.web.off import SwitchedOff, render_json_error
from twisted_aigate.web.ratelimit import RateLimiter, too_many
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Tree


class FarLimiter:
    """
    A limit that others keep.

    @ivar answer: What they say.
    @ivar cancelled: Who is not waited for any more.
    """

    def __init__(self) -> None:
        self.cancelled: list[object] = []
        self.answer: Deferred[None] = Deferred(self.cancelled.append)

    def take(self, address: str) -> Deferred[None]:
        """See L{twisted_aigate.web.ratelimit.Limiter}."""
        return self.answer


class SiteCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        router = self.handlers.router
        router.add("GET", "/health", self.handlers.hello, public, unlimited=True)
        limited = Tree(
            b"limited",
            router,
            render_plain_error,
            self.limiter(2),
            frozenset(router.unlimited),
            0,
        )
        off = Tree(
            b"off",
            SwitchedOff("X is missing: install X."),
            render_json_error,
            self.limiter(1),
            frozenset(),
            0,
        )
        self.site = make_site(
            self.clock,
            router,
            others=[limited, off],
            limiter=self.limiter(100),
            trusted=[ipaddress.ip_network("10.0.0.0/8")],
        )
        self.wire = Wire(self.site, self.clock)

    def limiter(self, burst: int) -> RateLimiter:
        return RateLimiter(Rate(1 / 60), burst, self.clock)


class RateLimitTests(SiteCase):
    def test_what_is_too_much_is_429_in_the_trees_format_with_retry_after(self) -> None:
        self.wire.send(get("/limited/hello") * 4)
        self.assertEqual(self.wire.statuses, [200, 200, 200, 429])
        refused = self.wire.answers()[-1]
        self.assertEqual(refused.field("retry-after"), "60")
        self.assertTrue(refused.body.startswith(b"plain: "))
        self.assertEqual(len(self.handlers.seen), 3)

    def test_a_limit_that_is_not_here_is_waited_for(self) -> None:
        limiter = FarLimiter()
        site = make_site(self.clock, self.handlers.router, limiter=limiter)
        wire = Wire(site, self.clock)
        wire.send(post("/read", b"hello"))
        self.assertEqual(self.handlers.seen, [])
        limiter.answer.callback(None)
        self.assertEqual((wire.answer().status, wire.answer().body), (200, b"5"))

    def test_its_refusal_is_answered(self) -> None:
        limiter = FarLimiter()
        wire = Wire(make_site(self.clock, self.handlers.router, limiter=limiter), self.clock)
        wire.send(get("/hello"))
        limiter.answer.errback(too_many(7))
        self.assertEqual((wire.answer().status, wire.answer().field("retry-after")), (429, "7"))
        self.assertEqual(self.handlers.seen, [])

    def test_who_leaves_waits_for_it_no_longer(self) -> None:
        limiter = FarLimiter()
        wire = Wire(make_site(self.clock, self.handlers.router, limiter=limiter), self.clock)
        wire.send(get("/hello"))
        wire.transport.lose()
        self.assertEqual(len(limiter.cancelled), 1)
        self.assertEqual(self.handlers.seen, [])

    def test_who_would_wait_too_long_is_told(self) -> None:
        limiter = FarLimiter()
        wire = Wire(
            make_site(self.clock, self.handlers.router, limiter=limiter, timeout=5), self.clock
        )
        wire.send(get("/hello"))
        self.clock.advance(5)
        self.assertEqual(wire.answer().status, 504)

    def test_each_tree_has_its_own_zone(self) -> None:
        self.wire.send(get("/limited/hello") * 4 + get("/hello"))
        self.assertEqual(self.wire.statuses[-1], 200)

    def test_each_address_has_its_own_count(self) -> None:
        self.wire.send(get("/limited/hello") * 4)
        other = Wire(self.site, self.clock, IPv4Address("TCP", "192.0.2.2", 1))
        other.send(get("/limited/hello"))
        self.assertEqual(other.statuses, [200])

    def test_connections_of_one_address_count_together(self) -> None:
        wires = [Wire(self.site, self.clock) for _ in range(4)]
        for wire in wires:
            wire.send(get("/limited/hello"))
        self.assertEqual([wire.statuses for wire in wires], [[200], [200], [200], [429]])

    def test_unlimited_paths_are_never_limited_nor_counted(self) -> None:
        self.wire.send(get("/limited/health") * 10 + get("/limited/hello") * 3)
        self.wire.send(get("/limited/health?a=b") * 10)
        self.assertEqual(set(self.wire.statuses), {200})

    def test_paths_that_are_not_there_are_counted(self) -> None:
        self.wire.send(get("/limited/nowhere") * 4)
        self.assertEqual(self.wire.statuses, [404, 404, 404, 429])

    def test_a_refused_bodys_connection_closes(self) -> None:
        self.wire.send(get("/limited/hello") * 3 + post("/limited/read", b"hello")[:-1])
        answer = self.wire.answers()[-1]
        self.assertEqual((answer.status, answer.field("connection")), (429, "close"))

    def test_a_client_behind_a_trusted_proxy_is_counted_by_its_own_address(self) -> None:
        proxy = Wire(self.site, self.clock, IPv4Address("TCP", "10.1.2.3", 1))
        for client in ("203.0.113.1", "203.0.113.2"):
            proxy.send(get("/limited/hello", f"X-Forwarded-For: {client}") * 3)
        self.assertEqual(proxy.statuses, [200] * 6)
        proxy.send(get("/limited/hello", "X-Forwarded-For: 1.1.1.1, 203.0.113.2"))
        self.assertEqual(proxy.statuses[-1], 429)

    def test_a_proxy_that_adds_a_field_of_its_own_is_believed_and_not_the_clients(self) -> None:
        proxy = Wire(self.site, self.clock, IPv4Address("TCP", "10.1.2.3", 1))
        lines = "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.9"
        proxy.send(get("/hello", *lines))
        self.assertEqual(self.handlers.seen[0].client_address, "203.0.113.9")


class SwitchedOffTests(SiteCase):
    def test_a_tree_that_is_off_says_what_is_missing(self) -> None:
        self.wire.send(get("/off/any/thing"))
        answer = self.wire.answer()
        self.assertEqual(answer.status, 503)
        self.assertEqual(
            json.loads(answer.body),
            {"error": "X is missing: install X.", "request_id": answer.field("x-request-id")},
        )

    def test_every_method_and_path_of_it_is_refused(self) -> None:
        self.wire.send(get("/off") + post("/off/x", b"hello"))
        self.assertEqual(self.wire.statuses, [503, 503])


class LogTests(SiteCase):
    def test_one_line_a_request_with_its_id_and_no_query(self) -> None:
        log = record_log(self)
        self.wire.send(
            get("/n/1?key=sk-secret", "X-Request-Id: mine", "Authorization: Bearer sk-x")
        )
        self.clock.advance(0)
        [line] = [event for event in log if event.get("path") == "/n/1"]
        self.assertEqual(
            (line["method"], line["status"], line["bytes"], line["client"], line["request_id"]),
            ("GET", 200, 1, "192.0.2.1", "mine"),
        )
        self.assertNotIn("sk-", text_of(log))

    def test_the_time_that_it_took_is_told(self) -> None:
        log = record_log(self)
        self.wire.send(get("/wait"))
        self.clock.advance(1.25)
        self.handlers.gates[0].callback(None)
        self.assertEqual([event["milliseconds"] for event in log if "path" in event], [1250])

    def test_a_client_that_left_is_told_as_499(self) -> None:
        log = record_log(self)
        self.wire.send(get("/wait"))
        self.wire.transport.lose()
        self.assertEqual([event["status"] for event in log if "path" in event], [499])

    def test_a_client_that_left_in_its_body_is_told_as_499_and_is_no_error(self) -> None:
        log = record_log(self)
        self.wire.send(post("/read", b"hello")[:-1])
        self.wire.transport.lose()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual([event["status"] for event in log if "path" in event], [499])

    def test_a_refusal_of_the_parser_is_told_without_what_was_sent(self) -> None:
        log = record_log(self)
        self.wire.send(b"GET /sk-secret\r\nAuthorization: Bearer sk-secret\r\n\r\n")
        answer = self.wire.answer()
        [line] = [event for event in log if event.get("status") == 400]
        self.assertEqual(line["request_id"], answer.field("x-request-id"))
        self.assertNotIn("secret", text_of(log) + answer.body.decode())

    def test_the_id_is_known_in_a_handler_and_behind_its_awaits(self) -> None:
        known: list[str | None] = []
        log = Logger()

        async def handler(request: Request, caller: None) -> Reply:
            known.append(current_request_id.get())
            await self.handlers.wait(request, caller)
            known.append(current_request_id.get())
            log.info("deep inside")
            return json_reply(None)

        self.handlers.router.add("GET", "/deep", handler, public)
        other = Wire(self.site, self.clock)
        self.wire.send(get("/deep", "X-Request-Id: one"))
        other.send(get("/deep", "X-Request-Id: two"))
        self.assertIsNone(current_request_id.get())
        for gate in self.handlers.gates:
            gate.callback(None)
        self.assertEqual(known, ["one", "two", "one", "two"])
        self.assertIsNone(current_request_id.get())

    def test_a_pipelined_request_has_an_id_of_its_own_inside(self) -> None:
        known: list[str | None] = []

        async def handler(request: Request, caller: None) -> Reply:
            known.append(current_request_id.get())
            return json_reply(None)

        self.handlers.router.add("GET", "/deep", handler, public)
        self.wire.send(get("/wait", "X-Request-Id: one") + get("/deep", "X-Request-Id: two"))
        self.handlers.gates[0].callback(None)
        self.assertEqual(known, ["two"])
