"""Two sockets of which each hears what the other says."""

from __future__ import annotations

import msgspec
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.websockets import FakeSocket
from twisted_aigate.gateway.realtime.events import CANCEL
from twisted_aigate.gateway.realtime.relay import Relay
from twisted_aigate.kernel.websocket import Message

_CREATED = Message(b'{"type":"response.created","response":{}}')
_DONE = Message(b'{"type":"response.done","response":{}}')


class RelayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.caller = FakeSocket()
        self.provider = FakeSocket()
        self.seen: list[Message] = []
        self.ends = 0
        self.clock = Clock()
        relay = Relay(self.caller, self.provider, "openai", self.seen.append, self.over, self.clock)
        relay.start()

    def over(self) -> None:
        self.ends += 1

    def test_messages_pass_both_ways_untouched(self) -> None:
        up, down = Message(b"{ up }"), Message(b"\x00down", is_text=False)
        self.caller.heard(up)
        self.provider.heard(down)
        self.assertEqual(self.provider.sent, [up])
        self.assertEqual(self.caller.sent, [down])
        self.assertEqual(self.seen, [down])

    def test_each_side_holds_the_other_back(self) -> None:
        self.assertIs(self.caller.producer, self.provider)
        self.assertIs(self.provider.producer, self.caller)

    def test_a_close_passes_on_with_its_code(self) -> None:
        self.caller.hung_up(4001, "enough")
        self.assertEqual(self.provider.closes, [(4001, "enough")])
        self.assertEqual(self.ends, 1)

    def test_the_providers_close_passes_on_with_its_code(self) -> None:
        self.provider.hung_up(1001, "restart")
        self.assertEqual(self.caller.closes, [(1001, "restart")])
        self.assertEqual(self.caller.sent, [])

    def test_a_close_without_a_code_is_a_normal_one(self) -> None:
        self.caller.hung_up(1005, "")
        self.assertEqual(self.provider.closes, [(1000, "")])

    def test_a_caller_that_is_gone_has_gone_away(self) -> None:
        self.caller.hung_up(1006, "")
        self.assertEqual(self.provider.closes, [(1001, "")])

    def test_a_provider_that_is_gone_is_an_error_event_and_1011(self) -> None:
        self.provider.hung_up(1006, "")
        self.assertEqual(msgspec.json.decode(self.caller.sent[0].data)["type"], "error")
        self.assertEqual(self.caller.closes, [(1011, "The connection to openai broke off.")])

    def test_a_response_whose_caller_leaves_is_cancelled_and_told_of(self) -> None:
        self.provider.heard(_CREATED)
        self.caller.hung_up(4001, "enough")
        self.assertEqual((self.provider.sent, self.provider.closes), ([CANCEL], []))
        self.assertEqual(self.ends, 0)
        self.provider.heard(_DONE)
        self.clock.advance(0)
        self.assertEqual(self.provider.closes, [(4001, "enough")])
        self.assertEqual((self.seen, self.caller.sent), ([_CREATED, _DONE], [_CREATED]))
        self.assertEqual((self.ends, self.clock.getDelayedCalls()), (1, []))

    def test_nobody_is_waited_for_without_end(self) -> None:
        self.provider.heard(_CREATED)
        self.caller.hung_up(1006, "")
        self.clock.advance(5)
        self.assertEqual((self.provider.closes, self.ends), ([(1001, "")], 1))

    def test_a_provider_that_leaves_then_is_waited_for_no_more(self) -> None:
        self.provider.heard(_CREATED)
        self.caller.hung_up(1006, "")
        self.provider.hung_up(1000, "")
        self.assertEqual((self.ends, self.clock.getDelayedCalls()), (1, []))

    def test_it_is_over_once(self) -> None:
        self.caller.hung_up(1000, "")
        self.provider.hung_up(1000, "")
        self.assertEqual(self.ends, 1)
