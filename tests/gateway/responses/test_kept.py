"""Responses that are kept."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.storage import FakeDatabase
from twisted_aigate.gateway.callers import Caller
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.responses import kept as kept_module
from twisted_aigate.gateway.responses import records
from twisted_aigate.gateway.responses.kept import KeptResponses
from twisted_aigate.gateway.responses.records import Kept, ResponseTable
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.units import DAY, HOUR, MINUTE

_ALICE, _BOB = Caller("alice"), Caller("bob")


class KeptTests(SynchronousTestCase):
    """For a day, and a thousand bytes."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.rightNow = 1_000_000.0
        self.database: Any = FakeDatabase(records.metadata)
        self.addCleanup(self.database.close)
        self.kept = self.keeping()

    def keeping(self, retention: float = DAY, most: int = 1000) -> KeptResponses:
        """What keeps responses."""
        return KeptResponses(ResponseTable(), self.database, self.clock, retention, most)

    def result(self, coroutine: Any) -> Any:
        """What a coroutine that is done returns."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def error(self, coroutine: Any) -> GatewayError:
        """What a coroutine that has failed raises."""
        error = self.failureResultOf(Deferred.fromCoroutine(coroutine), GatewayError).value
        assert isinstance(error, GatewayError)
        return error

    def keep(self, response_id: str, previous: str | None = None, **more: Any) -> None:
        """Keep a response of Alice's of a hundred bytes."""
        thread = response_id[0]
        body = {"items": bytes(40), "response": bytes(60), "deployment": None, **more}
        made = Kept(response_id, "alice", "m", previous=previous, thread=thread,
                    created_at=self.clock.seconds(), **body)  # fmt: skip
        self.result(self.kept.keep(made))

    def there(self) -> list[str]:
        """The ids of those that are there."""
        query = records.responses.select()
        return sorted(row.id for row in self.database.now(lambda c: c.execute(query).all()))

    def test_found_by_its_owner_alone(self) -> None:
        self.keep("a1")
        found = self.result(self.kept.find(_ALICE, "a1"))
        self.assertEqual((found.items, found.response, found.size), (bytes(40), bytes(60), 100))
        for caller, response_id in ((_BOB, "a1"), (_ALICE, "a2")):
            error = self.error(self.kept.find(caller, response_id))
            self.assertEqual((error.status, error.code), (404, "response_not_found"))
            error = self.error(self.kept.conversation(caller, response_id))
            self.assertEqual((error.status, error.param), (404, "previous_response_id"))

    def test_no_ids(self) -> None:
        """What can be no id is never looked for, nor kept."""
        for response_id in ("", "a\0", "é", "a b", "x" * 2000):
            self.assertEqual(self.error(self.kept.find(_ALICE, response_id)).status, 404)
            self.assertEqual(self.error(self.kept.conversation(_ALICE, response_id)).status, 404)
        self.keep("a\0")
        self.assertEqual(self.there(), [])

    def test_conversation(self) -> None:
        """The oldest first; two may go on from the same."""
        self.keep("a1")
        self.keep("a2", "a1")
        self.keep("a3", "a2")
        self.keep("a4", "a1")
        for last, wanted in (("a3", ["a1", "a2", "a3"]), ("a4", ["a1", "a4"])):
            found = self.result(self.kept.conversation(_ALICE, last))
            self.assertEqual([each.id for each in found], wanted)

    def test_before_what_a_deployment_keeps(self) -> None:
        """It keeps what goes before it too."""
        self.keep("a1")
        self.keep("a2", "a1", deployment="d", items=None, response=None)
        [found] = self.result(self.kept.conversation(_ALICE, "a2"))
        self.assertEqual((found.id, found.deployment, found.size), ("a2", "d", 0))

    def test_forgotten_in_the_middle(self) -> None:
        """Nothing goes on from what is gone."""
        self.keep("a1")
        self.keep("a2", "a1")
        self.result(self.kept.forget(self.result(self.kept.find(_ALICE, "a1"))))
        self.assertEqual(self.there(), ["a2"])
        self.assertEqual(self.error(self.kept.conversation(_ALICE, "a2")).status, 404)

    def test_too_long(self) -> None:
        self.patch(kept_module, "_MOST_CONVERSATION", 199)
        self.keep("a1")
        self.keep("a2", "a1")
        self.assertEqual(len(self.result(self.kept.conversation(_ALICE, "a1"))), 1)
        error = self.error(self.kept.conversation(_ALICE, "a2"))
        self.assertEqual((error.status, error.code), (400, "context_length_exceeded"))

    def test_a_conversation_is_kept_as_a_whole(self) -> None:
        """It goes a day after its newest response."""
        self.keep("a1")
        self.keep("b1")
        self.clock.advance(DAY - HOUR)
        self.keep("a2", "a1")
        self.kept.start()
        self.assertEqual(self.there(), ["a1", "a2", "b1"])
        self.clock.pump([HOUR, MINUTE])
        self.assertEqual(self.there(), ["a1", "a2"])
        self.clock.pump([DAY, MINUTE])
        self.assertEqual(self.there(), [])
        self.result(self.kept.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """More than are removed at once."""
        self.patch(kept_module, "_BATCH", 2)
        for name in "abcde":
            self.keep(f"{name}1")
        self.clock.advance(DAY + 1)
        self.kept.start()
        self.assertEqual(self.there(), [])

    def test_the_oldest_go_when_all_are_too_large(self) -> None:
        for number, name in enumerate("abca"):
            self.clock.advance(1)
            self.keep(f"{name}{number}")
        self.kept = self.keeping(most=250)
        self.kept.start()
        self.assertEqual(self.there(), ["a0", "a3"])
        self.kept = self.keeping(most=0)
        self.keep("d1")
        self.kept.start()
        self.assertEqual(self.there(), ["a0", "a3", "d1"])

    def test_nothing_is_kept(self) -> None:
        """With a retention of nothing."""
        self.kept = self.keeping(retention=0)
        self.keep("a1")
        self.assertEqual(self.there(), [])

    def test_the_database_fails(self) -> None:
        """The answer is given anyway."""
        self.database.refuse = [DatabaseUnavailable("away")]
        self.keep("a1")
        self.assertEqual(self.there(), [])
        self.assertEqual(self.database.now(partial(ResponseTable().over, most=0)), [])
