"""Bearer tokens."""

from __future__ import annotations

import hmac

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, get, make_site
from tests.support.logs import record_log, text_of
from twisted_aigate.kernel import secrets
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import bearer

TOKEN = "sk-the-right-one"


class BearerTests(SynchronousTestCase):
    def setUp(self) -> None:
        clock = Clock()
        handlers = Handlers()
        authorise = bearer(Secret(TOKEN), b"x-api-key", b"api-key")
        handlers.router.add("GET", "/secret", handlers.hello, authorise)
        self.site = make_site(clock, handlers.router)
        self.clock = clock

    def ask(self, *lines: str) -> Wire:
        wire = Wire(self.site, self.clock)
        wire.send(get("/secret", *lines))
        return wire

    def test_the_right_token_opens(self) -> None:
        for line in (
            f"Authorization: Bearer {TOKEN}",
            f"Authorization: bearer {TOKEN}",
            f"authorization: BEARER  {TOKEN} ",
            f"x-api-key: {TOKEN}",
            f"API-Key: {TOKEN}",
        ):
            self.assertEqual(self.ask(line).answer().status, 200, line)

    def test_anything_else_is_401_with_a_challenge(self) -> None:
        for line in (
            "A: b",
            "Authorization:",
            "Authorization: Bearer",
            "Authorization: Bearer ",
            f"Authorization: {TOKEN}",
            f"Authorization: Basic {TOKEN}",
            f"Authorization: Bearer {TOKEN}x",
            f"Authorization: Bearer x{TOKEN}",
            f"Authorization: Bearer {TOKEN[:-1]}",
            f"Authorization: Bearer {TOKEN.upper()}",
            f"Authorization: Bearer {TOKEN} {TOKEN}",
            "Authorization: Bearer \xff\xfe",
            "x-api-key: wrong",
            "x-api-key:",
            f"x-other-key: {TOKEN}",
        ):
            answer = self.ask(line).answer()
            self.assertEqual(answer.status, 401, line)
            self.assertEqual(answer.field("www-authenticate"), 'Bearer realm="aigate"')

    def test_a_wrong_authorization_is_not_mended_by_a_right_key(self) -> None:
        answer = self.ask("Authorization: Bearer wrong", f"x-api-key: {TOKEN}").answer()
        self.assertEqual(answer.status, 401)

    def test_the_token_is_not_taken_from_the_query(self) -> None:
        wire = Wire(self.site, self.clock)
        wire.send(get(f"/secret?key={TOKEN}&access_token={TOKEN}&token={TOKEN}"))
        self.assertEqual(wire.answer().status, 401)

    def test_tokens_are_compared_in_constant_time(self) -> None:
        compared: list[tuple[bytes, bytes]] = []

        def compare(one: bytes, other: bytes) -> bool:
            compared.append((one, other))
            return hmac.compare_digest(one, other)

        class Spy:
            compare_digest = staticmethod(compare)

        self.patch(secrets, "hmac", Spy)
        self.ask("Authorization: Bearer guess")
        self.ask("x-api-key: another")
        self.assertEqual(compared, [(TOKEN.encode(), b"guess"), (TOKEN.encode(), b"another")])

    def test_neither_token_is_echoed_or_logged(self) -> None:
        log = record_log(self)
        wire = self.ask("Authorization: Bearer sk-the-wrong-one")
        seen = wire.transport.sent.decode() + text_of(log)
        self.assertNotIn("sk-the", seen)
