"""Routes: found, refused, authorised, their errors rendered."""

from __future__ import annotations

from typing import Any

from treq.content import content, json_content
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, head, make_site, post, render_plain_error
from tests.support.logs import record_log, text_of
from tests.support.traversal import SiteClient
from twisted_aigate.web.auth import public, unauthorized
from twisted_aigate.web.errors import HTTPError
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.site import Tree

HERE = "http://test"


class RoutingCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.handlers = Handlers()
        self.router = self.handlers.router
        other = Tree(b"other", self.router, render_plain_error, None, frozenset(), 0)
        self.site = make_site(self.clock, self.router, others=[other])
        self.client = SiteClient(self.site)

    def add(self, method: str, path: str, answer: Any) -> None:
        async def handler(request: Request, caller: None, **parts: str) -> Reply:
            if isinstance(answer, BaseException):
                raise answer
            return json_reply(answer if answer is not None else parts)

        self.router.add(method, path, handler, public)

    def ask(self, method: str, path: str, **more: Any) -> Any:
        return self.successResultOf(self.client.request(method, HERE + path, **more))

    def text(self, response: Any) -> str:
        return self.successResultOf(content(response)).decode()

    def json(self, response: Any) -> Any:
        return self.successResultOf(json_content(response))


class FindingTests(RoutingCase):
    def test_a_path_is_answered_by_its_route(self) -> None:
        response = self.ask("GET", "/hello")
        self.assertEqual((response.code, self.json(response)), (200, {"hello": "world"}))

    def test_an_unknown_path_is_404_in_the_trees_format(self) -> None:
        root, other = self.ask("GET", "/nowhere"), self.ask("GET", "/other/nowhere")
        self.assertEqual((root.code, other.code), (404, 404))
        self.assertEqual(sorted(self.json(root)), ["id", "root"])
        self.assertTrue(self.text(other).startswith("plain: "))

    def test_the_root_is_404(self) -> None:
        self.assertEqual(self.ask("GET", "/").code, 404)

    def test_a_path_is_not_found_by_a_prefix_of_it(self) -> None:
        for path in ("/hell", "/helloo", "/hello/more", "/HELLO", "/n", "/n/1/2"):
            self.assertEqual(self.ask("GET", path).code, 404, path)

    def test_a_wrong_method_is_405_and_says_which_are_right(self) -> None:
        self.add("POST", "/hello", "posted")
        response = self.ask("DELETE", "/hello")
        self.assertEqual(response.code, 405)
        [allow] = response.headers.getRawHeaders("Allow")
        self.assertEqual(sorted(allow.split(", ")), ["GET", "HEAD", "POST"])

    def test_a_wrong_method_is_405_on_a_path_with_parameters_too(self) -> None:
        response = self.ask("PUT", "/n/1")
        self.assertEqual(response.code, 405)
        self.assertEqual(response.headers.getRawHeaders("Allow"), ["GET, HEAD"])

    def test_two_methods_of_a_path_are_two_routes(self) -> None:
        self.add("POST", "/two/<name>", "posted")
        self.add("GET", "/two/<name>", "got")
        self.assertEqual(self.json(self.ask("POST", "/two/x")), "posted")
        self.assertEqual(self.json(self.ask("GET", "/two/x")), "got")

    def test_head_is_taken_where_get_is(self) -> None:
        for path in ("/hello", "/n/1"):
            response = self.ask("HEAD", path)
            self.assertEqual((response.code, self.text(response)), (200, ""), path)
        self.assertEqual(self.ask("HEAD", "/read").code, 405)

    def test_parts_of_the_path_go_to_the_handler_by_name(self) -> None:
        self.add("GET", "/<one>/to/<path:two>", None)
        response = self.ask("GET", "/a%20b/to/c/%C3%A4/d%3Fe")
        self.assertEqual(self.json(response), {"one": "a b", "two": "c/ä/d?e"})

    def test_a_tree_is_found_by_its_whole_first_segment(self) -> None:
        self.assertEqual(self.ask("GET", "/other/hello").code, 200)
        for path in ("/otherhello", "/othe/hello", "/Other/hello", "//other/hello"):
            self.assertEqual(self.ask("GET", path).code, 404, path)

    def test_a_path_that_is_not_utf_8_is_400_in_the_trees_format(self) -> None:
        wire = Wire(self.site, self.clock)
        wire.send(get("/n/%FF") + get("/other/%C3%28/x"))
        first, second = wire.answers()
        self.assertEqual((first.status, second.status), (400, 400))
        self.assertTrue(second.body.startswith(b"plain: "))

    def test_a_host_that_is_no_name_is_no_error_of_ours(self) -> None:
        for host in ("a..b", "x" * 70, ":", "[::1]:80", "a b", ""):
            wire = Wire(self.site, self.clock)
            wire.send(f"GET /n/1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            self.assertEqual(self.flushLoggedErrors(), [], host)
            self.assertIn(wire.answer().status, (200, 400), host)

    def test_a_host_that_is_not_utf_8_is_answered(self) -> None:
        wire = Wire(self.site, self.clock)
        wire.send(b"GET /n/1 HTTP/1.1\r\nHost: \xff\r\n\r\n")
        self.flushLoggedErrors()
        self.assertIn(wire.answer().status, (200, 400))

    def test_the_asterisk_form_finds_nothing(self) -> None:
        wire = Wire(self.site, self.clock)
        wire.send(head("OPTIONS", "*"))
        self.assertIn(wire.answer().status, (404, 405))


class FailureTests(RoutingCase):
    def test_a_refusal_of_a_handler_is_rendered_with_its_fields(self) -> None:
        self.add("GET", "/teapot", HTTPError(418, "short", headers=((b"X-Stout", b"1"),)))
        response = self.ask("GET", "/teapot")
        self.assertEqual((response.code, self.json(response)["root"]), (418, "short"))
        self.assertEqual(response.headers.getRawHeaders("X-Stout"), ["1"])

    def test_an_unexpected_exception_is_500_with_the_id_and_no_traceback(self) -> None:
        for path in ("/broken", "/broken/<name>"):
            self.add("GET", path, RuntimeError("the password is swordfish"))
        for path in ("/broken", "/broken/x", "/other/broken", "/other/broken/x"):
            response = self.ask("GET", path)
            self.assertEqual(response.code, 500)
            [request_id] = response.headers.getRawHeaders("X-Request-Id")
            said = self.text(response)
            self.assertIn(request_id, said)
            for hidden in ("swordfish", "Traceback", "RuntimeError", ".py"):
                self.assertNotIn(hidden, said)
            self.assertEqual(said.startswith("plain: "), path.startswith("/other"))
            self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_an_unexpected_exception_is_logged_with_the_id(self) -> None:
        self.add("GET", "/broken", RuntimeError("here"))
        log = record_log(self)
        response = self.ask("GET", "/broken?token=sk-secret")
        [request_id] = response.headers.getRawHeaders("X-Request-Id")
        [failure] = [event for event in log if "log_failure" in event]
        self.assertEqual(failure["request_id"], request_id)
        self.assertIn("RuntimeError: here", text_of([failure]))
        self.assertNotIn("sk-secret", text_of(log))
        self.flushLoggedErrors(RuntimeError)

    def test_a_connection_goes_on_after_a_500(self) -> None:
        self.add("GET", "/broken", RuntimeError("here"))
        wire = Wire(self.site, self.clock)
        wire.send(get("/broken") + get("/n/2"))
        self.assertEqual(wire.statuses, [500, 200])
        self.flushLoggedErrors(RuntimeError)

    def test_a_handler_whose_own_work_was_cancelled_is_answered_all_the_same(self) -> None:
        work: Deferred[None] = Deferred()

        async def handler(request: Request, caller: None) -> Reply:
            await work
            return json_reply("never")

        self.router.add("GET", "/cancelled", handler, public)
        wire = Wire(self.site, self.clock)
        wire.send(get("/cancelled"))
        work.cancel()
        self.flushLoggedErrors(CancelledError)
        self.assertEqual(wire.statuses, [500])

    def test_not_found_is_not_logged_as_an_error(self) -> None:
        self.ask("GET", "/nowhere")
        self.ask("DELETE", "/hello")
        self.assertEqual(self.flushLoggedErrors(), [])


class AuthorisationTests(RoutingCase):
    def setUp(self) -> None:
        super().setUp()
        self.asked: Deferred[str] = Deferred()

        async def whoami(request: Request, caller: str) -> Reply:
            return json_reply(caller)

        def refuse(request: Request) -> str:
            raise unauthorized("no")

        self.router.add("GET", "/sync", whoami, lambda request: "somebody")
        self.router.add("GET", "/async", whoami, lambda request: self.asked)
        self.router.add("GET", "/refused", whoami, refuse)
        self.router.add("POST", "/refused", whoami, refuse)

    def test_the_handler_is_told_who_calls(self) -> None:
        self.assertEqual(self.json(self.ask("GET", "/sync")), "somebody")

    def test_an_authoriser_may_take_its_time(self) -> None:
        answer = self.client.get(HERE + "/async")
        self.assertNoResult(answer)
        self.asked.callback("later")
        self.client.flush()
        self.assertEqual(self.json(self.successResultOf(answer)), "later")

    def test_a_refusal_is_401_with_a_challenge_in_the_trees_format(self) -> None:
        root, other = self.ask("GET", "/refused"), self.ask("GET", "/other/refused")
        for response in (root, other):
            self.assertEqual(response.code, 401)
            [challenge] = response.headers.getRawHeaders("WWW-Authenticate")
            self.assertTrue(challenge.startswith("Bearer"))
        self.assertEqual(self.text(other), "plain: no")

    def test_a_refusal_comes_before_the_body(self) -> None:
        wire = Wire(self.site, self.clock)
        wire.send(post("/refused", b"hello", "Expect: 100-continue")[:-5])
        self.assertEqual(wire.statuses, [401])

    def test_a_refused_request_starts_no_handler(self) -> None:
        self.asked.errback(unauthorized("no"))
        self.assertEqual(self.ask("GET", "/async").code, 401)
