"""What conversations cost, and keys that have no more money, or no more turns."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.gateway.realtime.case import DONE, RealtimeCase
from tests.support.websockets import CLOSE, TEXT, close_frame, frame


class PayingTests(RealtimeCase):
    def talk(self, **limits: Any) -> None:
        """Have a conversation with a new key."""
        _, made = self.post("/key/generate", limits)
        self.ask("model=talks", f"Authorization: Bearer {made['key']}")

    def respond(self) -> None:
        """Have the provider end a response."""
        self.upstream.receive(frame(TEXT, DONE, masked=False))

    def test_each_response_is_paid_when_it_is_done(self) -> None:
        self.talk()
        self.agree()
        self.assertEqual(self.accounts.rows(), [])
        self.respond()
        self.respond()
        first, second = self.accounts.rows()
        self.assertEqual((first.prompt_tokens, first.completion_tokens), (60, 30))
        self.assertEqual((first.call_type, first.model_group), ("/realtime", "talks"))
        self.assertEqual(first.request_id, second.request_id)
        self.assertEqual(first.spend, round((60 * 0.001 + 30 * 0.01) * 1e9))

    def test_a_conversation_without_a_response_costs_nothing(self) -> None:
        self.talk(max_budget=1)
        self.agree()
        self.wire.send(close_frame(1000))
        self.assertEqual(self.accounts.rows(), [])

    def test_a_response_is_paid_though_the_conversation_ends_with_it(self) -> None:
        self.talk()
        self.agree()
        self.upstream.receive(frame(TEXT, DONE, masked=False) * 2 + close_frame(1000, masked=False))
        self.assertEqual(len(self.accounts.rows()), 2)

    def test_a_key_without_money_does_not_talk(self) -> None:
        self.talk(max_budget=0)
        self.assert_told(400, "budget_exceeded")
        self.assertEqual(self.sockets.connections, [])

    def test_a_refused_conversation_gives_back_what_was_held(self) -> None:
        self.talk(max_budget=1)
        self.refuse(400)
        self.assertEqual(self.accounts.rows(), [])

    def test_a_key_whose_money_is_spent_is_told_and_closed(self) -> None:
        self.talk(max_budget=0.5)
        self.agree()
        self.respond()
        self.assertEqual([each.opcode for each in self.opened()], [TEXT])
        self.assertEqual(len(self.accounts.rows()), 1)
        self.respond()
        self.assertEqual(len(self.accounts.rows()), 2)
        *_, error, close = self.opened()
        self.assertEqual(msgspec.json.decode(error.payload)["error"]["code"], "budget_exceeded")
        self.assertEqual((close.opcode, close.code), (CLOSE, 1008))
        self.upstream.receive(close_frame(1001, masked=False))
        self.assertEqual(len(self.accounts.rows()), 2)

    def test_other_calls_of_the_key_go_on_meanwhile(self) -> None:
        _, made = self.post("/key/generate", {"max_budget": 0.5})
        self.ask("model=talks", f"Authorization: Bearer {made['key']}")
        self.agree()
        chat = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"Authorization": f"Bearer {made['key']}"}
        response, _ = self.post("/chat/completions", chat, headers=headers)
        self.assertEqual(response.code, 200)

    def test_a_key_that_talks_too_often_is_told_and_closed(self) -> None:
        self.talk(rpm_limit=2)
        self.agree()
        self.respond()
        self.assertEqual(len(self.opened()), 1)
        self.respond()
        self.accounts.rows()
        *_, error, close = self.opened()
        self.assertEqual(msgspec.json.decode(error.payload)["error"]["type"], "rate_limit_error")
        self.assertEqual(close.code, 1008)
