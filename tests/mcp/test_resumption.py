"""Streams that are taken up again, and the stream that belongs to no request."""

from __future__ import annotations

from tests.mcp.case import EndpointCase
from twisted_aigate.kernel.collector import Collector
from twisted_aigate.mcp.announcements import Change
from twisted_aigate.mcp.streams import EventStream

_PROGRESS = {"progressToken": "p"}


class ResumptionTests(EndpointCase):
    """What a client that lost its connection gets."""

    def test_a_stream_begins_with_an_id(self) -> None:
        """And with how soon to come back."""
        sent = self.call("wait", meta=_PROGRESS, session=self.begin())
        first, second = sent.events
        self.assertEqual((first.id, first.value, first.retry), ("1-0", None, 1000))
        self.assertEqual(second.id, "1-1")

    def test_clients_of_earlier_revisions_get_no_empty_event(self) -> None:
        """They would take it for a message."""
        sent = self.call("wait", meta=_PROGRESS, session=self.begin("2025-06-18"))
        self.assertEqual([event.id for event in sent.events], ["1-1"])

    def test_the_work_goes_on_when_the_client_leaves(self) -> None:
        """It may come back, and gets what it does not have."""
        session = self.begin()
        sent = self.call("test_tool_with_progress", meta=_PROGRESS, session=session)
        self.assertEqual([event.id for event in sent.events], ["1-0", "1-1"])
        sent.leave()
        self.pass_time(1)
        again = self.open(session, "Last-Event-ID: 1-1")
        self.assertEqual([event.id for event in again.events], ["1-2", "1-3", "1-4"])
        self.assertEqual(again.messages[-1]["id"], 1)
        self.assertTrue(again.answer.whole)

    def test_a_client_that_comes_back_early_waits_for_the_rest(self) -> None:
        """On the new connection."""
        session = self.begin()
        self.call("test_tool_with_progress", meta=_PROGRESS, session=session).leave()
        again = self.open(session, "Last-Event-ID: 1-1")
        self.assertEqual(again.events, [])
        self.pass_time(1)
        self.assertEqual(again.messages[-1]["id"], 1)

    def test_a_tool_ends_the_connection(self) -> None:
        """The client comes back for the answer, even before anything was told."""
        session = self.begin()
        sent = self.call("test_reconnection", session=session)
        self.assertTrue(sent.answer.whole)
        self.assertEqual([event.id for event in sent.events], ["1-0"])
        again = self.open(session, "Last-Event-ID: 1-0")
        self.pass_time(1)
        self.assertEqual(again.messages[-1]["id"], 1)

    def test_an_unknown_event_is_refused(self) -> None:
        """What is not kept any more cannot be sent again."""
        session = self.begin()
        for id in ("7-1", "nonsense", "1", "-", "0-x", "9" * 5000 + "-1"):
            with self.subTest(id):
                self.assertEqual(self.open(session, f"Last-Event-ID: {id}").answer.status, 400)

    def test_what_is_over_is_not_kept_for_ever(self) -> None:
        """Of many streams that were left, the last ones are."""
        session = self.begin()
        for id in range(40):
            sent = self.call("test_tool_with_progress", meta=_PROGRESS, id=id, session=session)
            sent.leave()
        self.pass_time(1)
        self.assertEqual(self.open(session, "Last-Event-ID: 1-0").answer.status, 400)
        self.assertEqual(self.open(session, "Last-Event-ID: 40-0").answer.status, 200)


class OwnStreamTests(EndpointCase):
    """GET."""

    def test_it_needs_a_session_and_a_client_that_takes_it(self) -> None:
        """400, and 406."""
        self.assertEqual(self.open(None).answer.status, 400)
        self.assertEqual(self.open(self.begin(), accept="application/json").answer.status, 406)

    def test_changes_are_told(self) -> None:
        """Of lists to all, of resources to who has subscribed."""
        session, other = self.begin(), self.begin()
        self.request("resources/subscribe", {"uri": "test://watched"}, session=session)
        mine, theirs = self.open(session), self.open(other)
        self.everything.change(Change("tools"))
        self.everything.change(Change("resources", "test://watched"))
        methods = [message["method"] for message in mine.messages]
        expected = ["notifications/tools/list_changed", "notifications/resources/updated"]
        self.assertEqual(methods, expected)
        self.assertEqual(mine.messages[1]["params"], {"uri": "test://watched"})
        self.assertEqual([message["method"] for message in theirs.messages], expected[:1])

    def test_who_has_unsubscribed_is_not_told(self) -> None:
        """No further notification."""
        session = self.begin()
        for method in ("subscribe", "unsubscribe"):
            self.request(f"resources/{method}", {"uri": "test://watched"}, session=session)
        stream = self.open(session)
        self.everything.change(Change("resources", "test://watched"))
        self.assertEqual(stream.messages, [])

    def test_what_was_told_meanwhile_comes_after_the_last_event(self) -> None:
        """And what was told before the first connection does not."""
        session = self.begin()
        self.everything.change(Change("prompts"))
        first = self.open(session)
        self.everything.change(Change("tools"))
        last = first.events[-1].id
        first.leave()
        self.everything.change(Change("resources"))
        again = self.open(session, f"Last-Event-ID: {last}")
        self.assertEqual(
            [message["method"] for message in (*first.messages, *again.messages)],
            ["notifications/tools/list_changed", "notifications/resources/list_changed"],
        )

    def test_the_newest_connection_has_it(self) -> None:
        """A message goes to one of them."""
        session = self.begin()
        old, new = self.open(session), self.open(session)
        self.everything.change(Change("tools"))
        self.assertTrue(old.answer.whole)
        self.assertEqual((old.messages, len(new.messages)), ([], 1))

    def test_it_is_kept_alive(self) -> None:
        """By comments."""
        stream = self.open(self.begin())
        self.clock.advance(15)
        self.clock.advance(15)
        self.assertEqual(stream.answer.body.count(b": keep-alive"), 2)

    def test_a_slow_client_is_not_sent_everything(self) -> None:
        """What is beyond its reach is dropped, not kept."""
        session = self.begin()
        for _ in range(3000):
            self.everything.change(Change("tools"))
        stream = self.open(session, "Last-Event-ID: 0-0")
        self.assertEqual(len(stream.messages), 1000)

    def test_a_stopping_server_ends_it(self) -> None:
        """What is being answered goes on."""
        session = self.begin()
        stream = self.open(session)
        call = self.call("test_tool_with_progress", session=session)
        self.everything.endpoint.drain()
        self.assertTrue(stream.answer.whole)
        self.pass_time(1)
        self.assertEqual(call.value["id"], 1)

    def test_a_large_answer_goes_as_fast_as_it_is_read(self) -> None:
        """Piece by piece."""
        stream = EventStream(None, primed=False)
        stream.send({"large": "x" * 300_000})
        stream.finish()
        body = stream.open(self.clock, 0, lambda: None)
        taken: list[bytes] = []

        class Slow(Collector):
            def write(self, data: bytes) -> None:
                taken.append(data)
                body.pauseProducing()

        done = body.startProducing(Slow())
        for pieces in range(1, 5):
            self.assertEqual((len(taken), len(taken[-1])), (pieces, 65536))
            self.assertNoResult(done)
            body.resumeProducing()
        body.resumeProducing()
        self.successResultOf(done)
        self.assertIn(b"x" * 300_000, b"".join(taken))
