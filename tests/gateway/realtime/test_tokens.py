"""Tokens with which browsers talk to the provider itself."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.gateway.realtime.case import AUTHORIZED, RealtimeCase
from tests.support.edge import post

_GIVEN = b'{"value":"ek_1","expires_at":1}'


class TokenTests(RealtimeCase):
    def want(self, path: str, value: Any, authorization: str = AUTHORIZED) -> None:
        self.wire.send(post(f"/v1/realtime/{path}", msgspec.json.encode(value), authorization))

    def give(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self.upstream.receive(head % len(_GIVEN) + _GIVEN)

    def wanted(self) -> tuple[str, dict[str, str], Any]:
        """What the provider was asked: path, header fields, body."""
        target, fields = self.asked()
        return target, fields, msgspec.json.decode(bytes(self.upstream.sent).split(b"\r\n\r\n")[1])

    def test_a_client_secret_is_the_providers(self) -> None:
        session = {"type": "realtime", "model": "talks", "audio": {"output": {"voice": "marin"}}}
        self.want("client_secrets", {"session": session, "expires_after": {"seconds": 60}})
        target, fields, body = self.wanted()
        self.assertEqual(target, "/v1/realtime/client_secrets")
        self.assertEqual(fields["Authorization"], "Bearer sk-upstream")
        expected = {**session, "model": "gpt-realtime"}
        self.assertEqual(body, {"session": expected, "expires_after": {"seconds": 60}})
        self.give()
        answer = self.wire.answer()
        self.assertEqual((answer.status, answer.body), (200, _GIVEN))

    def test_a_session_is_too(self) -> None:
        self.want("sessions", {"model": "talks", "voice": "alloy"})
        target, _, body = self.wanted()
        self.assertEqual(target, "/v1/realtime/sessions")
        self.assertEqual(body, {"model": "gpt-realtime", "voice": "alloy"})

    def test_nothing_is_in_flight_when_it_is_given(self) -> None:
        self.want("sessions", {"model": "talks"})
        state = self.gateway.router.states.of(self.catalogue.find("talks")[0])
        self.assertEqual(state.in_flight, 1)
        self.give()
        self.assertEqual(state.in_flight, 0)

    def test_a_virtual_key_gets_none_since_nobody_would_see_what_it_spends(self) -> None:
        _, made = self.post("/key/generate", {})
        self.want("sessions", {"model": "talks"}, f"Authorization: Bearer {made['key']}")
        self.assert_told(403, "master_key_needed")

    def test_what_cannot_be_asked_is_told(self) -> None:
        for path, value, param in (
            ("client_secrets", {}, "session.model"),
            ("client_secrets", {"session": {"model": 1}}, "session.model"),
            ("sessions", {"session": {"model": "talks"}}, "model"),
            ("sessions", {"model": "chats"}, "model"),
            ("sessions", [], None),
            ("client_secrets", {"session": []}, None),
            ("sessions", {"model": "azure"}, None),
        ):
            with self.subTest(path=path, value=value):
                self.setUp()
                self.want(path, value)
                self.assertEqual(self.wire.answer().status, 400)
                self.assertEqual(self.error()["param"], param)
