"""What a response looks like on the wire."""

from __future__ import annotations

from twisted.internet.address import UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import UNKNOWN_LENGTH

from tests.support.edge import Handlers, Wire, get, head, make_site, post
from tests.support.streams import HandFed
from twisted_aigate.web.auth import public
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply
from twisted_aigate.web.request import Request


class RequestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.reply = Reply(b"body", b"text/plain")

        async def answer(request: Request, caller: None) -> Reply:
            self.handlers.seen.append(request)
            return self.reply

        for method in ("GET", "POST"):
            self.handlers.router.add(method, "/reply", answer, public)
        self.wire = Wire(make_site(self.clock, self.handlers.router), self.clock)


class HeadTests(RequestCase):
    def test_every_response_has_the_common_fields(self) -> None:
        self.wire.send(get("/reply") + get("/nowhere") + b"bad\r\n\r\n")
        answers = self.wire.answers()
        self.assertEqual([answer.status for answer in answers], [200, 404, 400])
        for answer in answers:
            self.assertEqual(answer.field("x-content-type-options"), "nosniff")
            self.assertRegex(answer.field("x-request-id"), "^[0-9a-f]{32}$")
            self.assertRegex(answer.field("date"), r"^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$")
        self.assertEqual(len({answer.field("x-request-id") for answer in answers}), 3)

    def test_the_clients_own_id_is_kept(self) -> None:
        self.wire.send(get("/reply", "X-Request-Id: my.own_id-1"))
        self.assertEqual(self.wire.answer().field("x-request-id"), "my.own_id-1")
        self.assertEqual(self.handlers.seen[0].id, "my.own_id-1")

    def test_a_clients_id_that_is_none_is_replaced(self) -> None:
        for bad in ("", "a b", "a" * 65, "a/b", "\xe4", 'x"y'):
            wire = Wire(make_site(self.clock, self.handlers.router), self.clock)
            wire.send(get("/reply", f"X-Request-Id: {bad}"))
            self.assertRegex(wire.answer().field("x-request-id"), "^[0-9a-f]{32}$")

    def test_the_clients_id_is_in_errors_too(self) -> None:
        self.wire.send(get("/nowhere", "X-Request-Id: mine"))
        self.assertEqual(self.wire.answer().field("x-request-id"), "mine")

    def test_a_line_break_in_a_value_does_not_make_a_field(self) -> None:
        for broken in (b"a\r\nSet-Cookie: b=c", b"a\nSet-Cookie: b=c", b"a\rSet-Cookie: b=c"):
            self.reply = Reply(b"", b"text/plain\r\nX-Evil: 1", 200, ((b"X-Name", broken),))
            wire = Wire(make_site(self.clock, self.handlers.router), self.clock)
            wire.send(get("/reply"))
            answer = wire.answer()
            self.assertIsNone(answer.field("set-cookie"))
            self.assertIsNone(answer.field("x-evil"))
            self.assertIn("Set-Cookie: b=c", answer.field("x-name"))

    def test_a_field_may_come_twice(self) -> None:
        self.reply = Reply(b"", headers=((b"Vary", b"a"), (b"Vary", b"b")))
        self.wire.send(get("/reply"))
        self.assertEqual(self.wire.answer().all("vary"), ["a", "b"])


class BodyTests(RequestCase):
    def test_a_body_in_bytes_has_its_length_told(self) -> None:
        self.wire.send(get("/reply"))
        answer = self.wire.answer()
        self.assertEqual((answer.field("content-length"), answer.chunked), ("4", False))
        self.assertEqual((answer.body, answer.field("content-type")), (b"body", "text/plain"))

    def test_head_is_answered_as_get_without_the_body(self) -> None:
        self.wire.send(head("HEAD", "/reply") + head("HEAD", "/n/77"))
        first, second = self.wire.answers(to_head=True)
        self.assertEqual((first.status, first.field("content-length")), (200, "4"))
        self.assertEqual((second.status, second.field("content-length")), (200, "2"))

    def test_head_of_a_stream_has_no_body_and_no_framing(self) -> None:
        self.reply = Reply(body := HandFed(UNKNOWN_LENGTH))
        self.wire.send(head("HEAD", "/reply"))
        body.feed(b"x")
        body.done.callback(None)
        self.wire.send(head("HEAD", "/hello"))
        first, second = self.wire.answers(to_head=True)
        self.assertIsNone(first.field("transfer-encoding"))
        self.assertEqual(second.status, 200)

    def test_head_of_an_error_has_no_body(self) -> None:
        self.wire.send(head("HEAD", "/nowhere") + head("HEAD", "/nowhere"))
        self.assertEqual([a.status for a in self.wire.answers(to_head=True)], [404, 404])

    def test_204_and_304_have_no_body_and_no_length(self) -> None:
        for status in (204, 304):
            self.reply = Reply(b"never sent", status=status)
            wire = Wire(make_site(self.clock, self.handlers.router), self.clock)
            wire.send(get("/reply") + get("/n/5"))
            first, second = wire.answers()
            self.assertEqual(first.status, status)
            self.assertIsNone(first.field("content-length"))
            self.assertIsNone(first.field("transfer-encoding"))
            self.assertEqual(second.body, b"5")

    def test_a_body_of_unknown_length_is_chunked(self) -> None:
        self.reply = Reply(body := HandFed(UNKNOWN_LENGTH))
        self.wire.send(get("/reply"))
        body.feed(b"one")
        self.assertEqual(self.wire.answer().body, b"one")
        self.assertFalse(self.wire.answer().whole)
        body.feed(b"")
        body.feed(b"two")
        body.done.callback(None)
        answer = self.wire.answer()
        self.assertEqual((answer.body, answer.whole, answer.chunked), (b"onetwo", True, True))

    def test_a_stream_of_known_length_is_not_chunked(self) -> None:
        self.reply = Reply(body := HandFed(6))
        self.wire.send(get("/reply"))
        body.feed(b"one")
        body.feed(b"two")
        body.done.callback(None)
        answer = self.wire.answer()
        self.assertEqual((answer.body, answer.field("content-length")), (b"onetwo", "6"))
        self.assertFalse(answer.chunked)

    def test_http_1_0_gets_no_chunks_and_the_end_is_the_connections(self) -> None:
        self.reply = Reply(body := HandFed(UNKNOWN_LENGTH))
        self.wire.send(get("/reply", version="1.0"))
        body.feed(b"one")
        body.done.callback(None)
        self.clock.advance(0)
        answer = self.wire.answer()
        self.assertIsNone(answer.field("transfer-encoding"))
        self.assertEqual((answer.body, answer.field("connection")), (b"one", "close"))
        self.assertTrue(self.wire.transport.closed)

    def test_nothing_can_be_written_behind_the_end(self) -> None:
        self.wire.send(get("/reply"))
        self.assertRaises(RuntimeError, self.handlers.seen[0].write, b"more")


class TargetTests(RequestCase):
    def path_of(self, target: str, *lines: str) -> tuple[bytes, bytes]:
        self.wire.send(get(target, *lines))
        request = self.handlers.seen[-1]
        return request.path, request.query

    def test_the_absolute_form_is_taken_apart(self) -> None:
        self.assertEqual(self.path_of("http://test/reply?a=b"), (b"/reply", b"a=b"))
        self.assertEqual(self.path_of("https://test:4000/reply"), (b"/reply", b""))
        self.assertEqual(self.path_of("HTTP://test/reply"), (b"/reply", b""))

    def test_the_absolute_form_without_a_path_is_the_root(self) -> None:
        self.wire.send(get("http://test") + get("http://test?q=/reply"))
        self.assertEqual(self.wire.statuses, [404, 404])

    def test_the_query_is_no_part_of_the_path(self) -> None:
        self.assertEqual(self.path_of("/reply?x=/n/1?y"), (b"/reply", b"x=/n/1?y"))

    def test_the_querys_fields_are_read(self) -> None:
        self.path_of("/reply?a=1&a=2&b=&c=%C3%A4")
        self.assertEqual(
            self.handlers.seen[0].args,
            {b"a": [b"1", b"2"], b"b": [b""], b"c": [b"\xc3\xa4"]},
        )

    def test_a_query_of_too_many_fields_is_a_400(self) -> None:
        self.path_of("/reply?" + "&".join(["a=1"] * 1001))
        with self.assertRaises(HTTPError) as raised:
            _ = self.handlers.seen[0].args
        self.assertEqual(raised.exception.status, 400)

    def test_fields_are_found_by_their_lower_case_names(self) -> None:
        self.wire.send(post("/reply", b"", "X-One: 1", "x-one: 2"))
        request = self.handlers.seen[0]
        self.assertEqual(request.field(b"x-one"), b"1")
        self.assertIsNone(request.field(b"x-two"))
        self.assertEqual(request.requestHeaders.getRawHeaders("X-ONE"), ["1", "2"])

    def test_a_client_on_a_unix_socket_is_served_without_a_host(self) -> None:
        site = make_site(self.clock, self.handlers.router)
        wire = Wire(site, self.clock, UNIXAddress(None))
        wire.transport._host = UNIXAddress("/run/aigate.sock")
        wire.send(b"GET /reply HTTP/1.0\r\n\r\n")
        self.assertEqual(wire.answer().status, 200)
        wire = Wire(site, self.clock, UNIXAddress(None))
        wire.transport._host = UNIXAddress("/run/aigate.sock")
        wire.send(b"GET /n/1 HTTP/1.0\r\n\r\n")
        self.assertEqual(wire.answer().status, 200)
