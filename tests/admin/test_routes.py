"""The admin page's routes in memory, beside a tree that they forward to."""

from __future__ import annotations

import gzip
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from posixpath import normpath

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.answers import Answer
from tests.support.edge import Wire, get, head, post, render_plain_error, render_root_error
from twisted_aigate.admin.assets import Asset, load_assets
from twisted_aigate.admin.feed import Feed
from twisted_aigate.admin.figures import Figures
from twisted_aigate.admin.routes import Access, admin_routes
from twisted_aigate.kernel.log_ring import LogRing
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import Rate
from twisted_aigate.web.auth import bearer, unauthorized
from twisted_aigate.web.off import render_json_error
from twisted_aigate.web.proxies import ClientAddresses
from twisted_aigate.web.ratelimit import RateLimiter
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Site, Tree

KEY = "sk-master-0123456789"
LOGIN = "ada:löve :lace"
WITH_KEY = f"X-Aigate-Key: {KEY}"
BASIC = f"Authorization: Basic {b64encode(LOGIN.encode()).decode()}"
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
BURST = 4


class AdminCase(SynchronousTestCase):
    """A site of the page, the gateway and storage."""

    login: str | None = None
    assets: Mapping[str, Asset] = load_assets()

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_000_000)
        self.seen: list[Request] = []
        self.ended: list[str] = []
        self.gate: Deferred[None] = Deferred()
        ring = LogRing(100, ())
        self.feed = Feed(self.clock, Figures(self.clock), ring, {}, "1")
        limiter = RateLimiter(Rate(1 / 60), BURST, self.clock)
        basic = None if self.login is None else Secret(self.login)
        tokens = {b"": Secret(KEY), b"storage": Secret("storage-key")}
        routes = admin_routes(
            b"ui", Access(Secret(KEY), basic, limiter), self.assets, self.feed, ring, tokens
        )
        storage_limit = RateLimiter(Rate(1 / 60), 1, self.clock)
        trees = [
            Tree(b"ui", routes, render_json_error, None, frozenset(), 60),
            Tree(b"", self.tree(KEY), render_root_error, None, frozenset(), 600),
            Tree(
                b"storage",
                self.tree("storage-key"),
                render_plain_error,
                storage_limit,
                frozenset(),
                300,
            ),
        ]
        self.site = Site(trees, ClientAddresses(()), self.clock)
        self.wire = Wire(self.site, self.clock)

    def tree(self, token: str) -> Router:
        router = Router()
        authorise = bearer(Secret(token))
        router.add("GET", "/hello", self.hello, authorise)
        router.add("POST", "/echo", self.echo, authorise)
        router.add("GET", "/n/<path:rest>", self.named, authorise)
        router.add("GET", "/wait", self.wait, authorise)
        router.add("GET", "/refused", self.refuse, authorise)
        return router

    async def hello(self, request: Request, caller: None) -> Reply:
        self.seen.append(request)
        return json_reply("hello")

    async def echo(self, request: Request, caller: None) -> Reply:
        return Reply(await request.body.read(0), b"text/plain")

    async def named(self, request: Request, caller: None, rest: str) -> Reply:
        return json_reply(rest)

    async def refuse(self, request: Request, caller: None) -> Reply:
        raise unauthorized("The provider's key is wrong.")

    async def wait(self, request: Request, caller: None) -> Reply:
        self.seen.append(request)
        try:
            await self.gate
        finally:
            self.ended.append("wait")
        return json_reply("waited")

    def ask(self, data: bytes) -> Answer:
        wire = Wire(self.site, self.clock)
        wire.send(data)
        return wire.answer()


class PageTests(AdminCase):
    """The page and its files."""

    def test_the_page_lets_nothing_in_from_elsewhere(self) -> None:
        for path in ("/ui", "/ui/"):
            answer = self.ask(get(path))
            self.assertEqual(answer.status, 200)
            policy = answer.field("content-security-policy")
            self.assertIn("default-src 'none'", policy)
            self.assertNotIn("unsafe", policy)
            self.assertIn(b'src="/ui/assets/js/main.js"', answer.body)

    def test_no_file_has_a_script_or_style_inside_or_a_foreign_address(self) -> None:
        for name, asset in self.assets.items():
            with self.subTest(name):
                text = asset.body.decode()
                self.assertNotRegex(text, r"<style|\bstyle=|<script(?! type=\"module\" src)")
                self.assertNotRegex(text, r"https?://(?!www\.w3\.org/2000/svg|example\.com)")
                self.assertNotRegex(text, r"innerHTML|\beval\(|localStorage\.setItem\((?!THEME)")

    def test_files_are_small(self) -> None:
        found = [name for name, asset in self.assets.items() if asset.body.count(b"\n") > 400]
        self.assertEqual(found, [])

    def test_every_import_is_there(self) -> None:
        for name, asset in self.assets.items():
            for wanted in re.findall(r'\bfrom "(.*?)"', asset.body.decode()):
                self.assertIn(normpath(f"{name}/../{wanted}"), self.assets)

    def test_files_are_packed_and_known_by_their_hash(self) -> None:
        plain = self.ask(get("/ui/assets/css/base.css"))
        packed = self.ask(get("/ui/assets/css/base.css", "Accept-Encoding: br, gzip"))
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertLess(len(packed.body), len(plain.body))
        self.assertEqual(packed.field("content-encoding"), "gzip")
        self.assertEqual(plain.field("content-type"), "text/css; charset=utf-8")
        same = self.ask(get("/ui/assets/css/base.css", f"If-None-Match: {plain.field('etag')}"))
        self.assertEqual((same.status, same.body), (304, b""))
        other = self.ask(get("/ui/assets/css/base.css", 'If-None-Match: "other"'))
        self.assertEqual(other.status, 200)

    def test_what_is_not_there_is_404(self) -> None:
        for path in ("/ui/assets/none.js", "/ui/assets/index.html", "/ui/nothing"):
            self.assertEqual(self.ask(get(path)).status, 404)


class LimitTests(AdminCase):
    """Who is counted."""

    def statuses(self, *requests: bytes) -> list[int]:
        return [self.ask(request).status for request in requests]

    def test_pages_are_counted_and_their_files_are_not(self) -> None:
        files = [get("/ui/assets/css/base.css")] * 20
        self.assertEqual(set(self.statuses(*files)), {200})
        self.assertEqual(self.statuses(*[get("/ui/")] * 6), [200] * 5 + [429])
        answer = self.ask(get("/ui/"))
        self.assertEqual(len(answer.all("retry-after")), 1)
        self.assertEqual(set(self.statuses(*files)), {200})

    def test_wrong_keys_are_counted_and_the_right_one_is_not(self) -> None:
        wrong = [get("/ui/logs", "X-Aigate-Key: sk-wrong")] * 6
        self.assertEqual(self.statuses(*wrong), [401] * 5 + [429])
        right = [get("/ui/logs", WITH_KEY), get("/ui/api/hello", WITH_KEY)] * 10
        self.assertEqual(set(self.statuses(*right)), {200})

    def test_who_looks_around_is_counted(self) -> None:
        self.assertEqual(self.statuses(*[get("/ui/nothing")] * 6), [404] * 5 + [429])

    def test_forwarded_calls_count_where_they_go(self) -> None:
        calls = [get("/ui/api/storage/hello", WITH_KEY)] * 3
        self.assertEqual(self.statuses(*calls), [200, 200, 429])


class ForwardingTests(AdminCase):
    """What the page asks of other trees."""

    def test_nothing_is_forwarded_without_the_master_key(self) -> None:
        for line in ("X: y", "X-Aigate-Key: no", "Authorization: Bearer storage-key"):
            answer = self.ask(get("/ui/api/storage/hello", line))
            self.assertEqual(answer.status, 401)
            self.assertTrue(answer.field("www-authenticate").startswith("Bearer"))
        self.assertEqual(self.seen, [])

    def test_each_tree_is_given_its_own_token_and_none_of_ours(self) -> None:
        lines = (WITH_KEY, "Authorization: Basic eDp5", "Origin: http://test", "X-Other: stays")
        self.assertEqual(self.ask(get("/ui/api/storage/hello?a=b", *lines)).status, 200)
        (request,) = self.seen
        fields = dict(request.fields)
        self.assertEqual(fields[b"authorization"], b"Bearer storage-key")
        self.assertEqual(fields[b"x-other"], b"stays")
        self.assertNotIn(b"x-aigate-key", fields)
        self.assertNotIn(b"origin", fields)
        self.assertEqual((request.path, request.query), (b"/storage/hello", b"a=b"))
        self.assertEqual(request.timeout, 300)

    def test_bearer_will_do_as_well(self) -> None:
        answer = self.ask(get("/ui/api/hello", f"Authorization: Bearer {KEY}"))
        self.assertEqual(answer.status, 200)

    def test_bodies_and_strange_paths_pass_unchanged(self) -> None:
        answer = self.ask(post("/ui/api/echo", b"the body", WITH_KEY))
        self.assertEqual(answer.body, b"the body")
        answer = self.ask(get("/ui/api/n/a%2Fb%20c", WITH_KEY))
        self.assertEqual(msgspec.json.decode(answer.body), "a/b c")

    def test_errors_are_those_of_the_tree(self) -> None:
        answer = self.ask(get("/ui/api/storage/none", WITH_KEY))
        self.assertEqual((answer.status, answer.body[:6]), (404, b"plain:"))

    def test_what_a_tree_refuses_does_not_log_the_page_out(self) -> None:
        self.assertEqual(self.ask(get("/ui/api/refused", WITH_KEY)).status, 403)
        answer = self.ask(get("/refused", f"Authorization: Bearer {KEY}"))
        self.assertEqual(answer.status, 401)

    def test_it_is_not_forwarded_to_itself(self) -> None:
        self.assertEqual(self.ask(get("/ui/api/ui/logs", WITH_KEY)).status, 404)

    def test_a_client_that_leaves_ends_the_work(self) -> None:
        self.wire.send(get("/ui/api/wait", WITH_KEY))
        self.assertEqual(self.ended, [])
        self.wire.transport.lose()
        self.assertEqual(self.ended, ["wait"])

    def test_it_may_take_as_long_as_the_tree_lets_it(self) -> None:
        self.wire.send(get("/ui/api/wait", WITH_KEY))
        self.clock.advance(500)
        self.assertEqual(self.ended, [])
        self.clock.advance(101)
        self.assertEqual(self.ended, ["wait"])
        self.assertEqual(self.wire.answer().status, 504)


class LiveTests(AdminCase):
    """The WebSocket."""

    def offer(self, *lines: str) -> bytes:
        return head("GET", "/ui/live", *UPGRADE, *lines)

    def encoded(self, key: str) -> str:
        return urlsafe_b64encode(key.encode()).decode().rstrip("=")

    def test_the_key_comes_as_a_subprotocol(self) -> None:
        spoken = f"Sec-WebSocket-Protocol: aigate, aigate-key.{self.encoded(KEY)}"
        self.wire.send(self.offer(spoken))
        sent = bytes(self.wire.transport.sent)
        self.assertTrue(sent.startswith(b"HTTP/1.1 101"), sent)
        self.assertIn(b"Sec-WebSocket-Protocol: aigate\r\n", sent)
        self.assertNotIn(self.encoded(KEY).encode(), sent)
        self.assertIn(b'"version":"1"', sent)
        self.feed.stop()

    def test_without_it_nothing_is_told(self) -> None:
        for key in ("wrong", "\N{SNOWMAN}", ""):
            spoken = f"Sec-WebSocket-Protocol: aigate, aigate-key.{self.encoded(key)}"
            self.assertEqual(self.ask(self.offer(spoken)).status, 401)
        self.clock.advance(600)
        self.assertEqual(self.ask(self.offer()).status, 401)


class BasicAuthTests(AdminCase):
    """With a user and a password."""

    login = LOGIN

    def test_the_page_and_all_that_it_asks_need_them(self) -> None:
        wrong = b64encode(b"ada:wrong").decode()
        lines = ("X: y", f"Authorization: Basic {wrong}", "Authorization: Basic !", WITH_KEY,
                 f"Authorization: Bearer {KEY}")  # fmt: skip
        for path in ("/ui/", "/ui/assets/css/base.css", "/ui/logs", "/ui/api/hello"):
            for line in lines:
                with self.subTest(f"{path} {line}"):
                    self.clock.advance(600)
                    answer = self.ask(get(path, line))
                    self.assertEqual(answer.status, 401)
                    self.assertTrue(answer.field("www-authenticate").startswith("Basic"))

    def test_with_them_the_page_opens_and_its_calls_need_the_key_too(self) -> None:
        for path in ("/ui/", "/ui/assets/css/base.css"):
            self.assertEqual(self.ask(get(path, BASIC)).status, 200)
        for path in ("/ui/logs", "/ui/api/hello"):
            self.assertEqual(self.ask(get(path, BASIC)).status, 403)
            self.assertEqual(self.ask(get(path, BASIC, "X-Aigate-Key: no")).status, 403)
            self.assertEqual(self.ask(get(path, BASIC, WITH_KEY)).status, 200)
