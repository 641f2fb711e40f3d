"""How many sessions there are, and for how long."""

from __future__ import annotations

from tests.mcp.case import EndpointCase


class BoundedTests(EndpointCase):
    """Three at most, a minute each."""

    def test_the_one_unused_longest_makes_room(self) -> None:
        """The others stay."""
        first, second, third = (self.begin() for _ in range(3))
        self.request("ping", session=first)
        fourth = self.begin()
        self.assertEqual(self.everything.tools.forgotten, [second])
        for session, status in ((first, 200), (second, 404), (third, 200), (fourth, 200)):
            self.assertEqual(self.request("ping", session=session).answer.status, status)

    def test_what_is_in_use_does_not_make_room(self) -> None:
        """A new one is refused: 503."""
        working, watching, reading = (self.begin() for _ in range(3))
        self.call("wait", session=working)
        self.open(watching)
        self.call("wait", meta={"progressToken": 1}, session=reading)
        sent = self.initialize()
        self.assertEqual(sent.answer.status, 503)
        self.assertIsNotNone(sent.answer.field("retry-after"))

    def test_an_unused_one_ends(self) -> None:
        """After a minute without a request."""
        session, used = self.begin(), self.begin()
        self.clock.advance(40)
        self.request("ping", session=used)
        self.clock.advance(30)
        self.assertEqual(self.everything.tools.forgotten, [session])
        self.clock.advance(29)
        self.assertEqual(self.request("ping", session=used).answer.status, 200)
        self.pass_time(200)
        self.assertEqual(len(self.everything.endpoint.sessions), 0)
        self.assertEqual(self.timers(), [])

    def test_one_in_use_does_not(self) -> None:
        """As long as a stream is open."""
        session = self.begin()
        stream = self.open(session)
        self.pass_time(300)
        self.assertEqual(len(self.everything.endpoint.sessions), 1)
        stream.leave()
        self.pass_time(150)
        self.assertEqual(len(self.everything.endpoint.sessions), 0)

    def test_stopping_ends_all(self) -> None:
        """Nothing of them is left."""
        stream = self.open(self.begin())
        self.call("wait", session=self.begin())
        self.everything.endpoint.stop()
        self.assertTrue(stream.answer.whole)
        self.assertEqual(self.everything.tools.cancelled, ["wait"])
        self.assertEqual(self.timers(), [])


class ManyTests(EndpointCase):
    """Many of them."""

    most_sessions = 200

    def test_two_hundred_at_once(self) -> None:
        """Each with a stream and a call, and each with its own answers."""
        sessions = [self.begin(capabilities={"sampling": {}}) for _ in range(200)]
        streams = [self.open(session) for session in sessions]
        calls = [
            self.call("test_sampling", {"prompt": str(n)}, id=n, session=session)
            for n, session in enumerate(sessions)
        ]
        for n, call in enumerate(calls):
            asked = call.messages[0]["params"]["messages"][0]
            self.assertEqual(asked["content"]["text"], str(n))
        for n, session in enumerate(sessions):
            self.notify("notifications/cancelled", {"requestId": n}, session=session)
        for n, call in enumerate(calls):
            self.assertEqual(call.messages[-1]["id"], n)
            self.assertTrue(call.answer.whole)
        self.assertFalse(any(stream.answer.whole for stream in streams))
        self.assertEqual(self.initialize().answer.status, 503)
