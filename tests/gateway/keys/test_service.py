"""The virtual keys: made, found, changed."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.accounts import NOW
from tests.support.storage import FakeDatabase
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.models import KeyLimits, VirtualKey, token_of
from twisted_aigate.gateway.keys.records import KeyFilter, metadata
from twisted_aigate.gateway.keys.requests import GenerateKey, UpdateKey
from twisted_aigate.gateway.keys.service import Keys
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.kernel.units import DAY

_KEY = "sk-0123456789abcdef"


class KeysCase(SynchronousTestCase):
    """Has keys, and those of another process with the same database."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.database: Any = FakeDatabase(metadata)
        self.addCleanup(self.database.close)
        self.keys, self.others = (
            Keys(self.database, self.clock, Secret("sk-master-0123456789")) for _ in range(2)
        )

    def generate(self, **fields: Any) -> tuple[str, VirtualKey]:
        """Make a key."""
        return self.result(self.keys.generate(GenerateKey(**fields)))

    def result(self, coroutine: Any) -> Any:
        """What a coroutine returns."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def error(self, coroutine: Any) -> GatewayError:
        """How a coroutine fails."""
        error = self.failureResultOf(Deferred.fromCoroutine(coroutine), GatewayError).value
        assert isinstance(error, GatewayError)
        return error

    def find(self, key: str, keys: Keys | None = None) -> VirtualKey | None:
        """What is found of a key that is presented."""
        found = (keys or self.keys).find(key.encode())
        return self.successResultOf(found) if isinstance(found, Deferred) else found


class GenerateTests(KeysCase):
    def test_a_key_is_found_by_itself_alone(self) -> None:
        text, key = self.generate(models=["m"], key_alias="alice", metadata={"a": [1]})
        self.assertTrue(text.startswith("sk-"))
        self.assertEqual((key.token, key.name), (token_of(text.encode()), f"sk-...{text[-4:]}"))
        self.assertEqual(self.find(text), key)
        self.assertIsNone(self.find(key.token))
        self.assertIsNone(self.find(text + "x"))

    def test_the_key_itself_is_not_kept(self) -> None:
        text, _ = self.generate()
        dump = self.database.now(lambda connection: list(connection.connection.iterdump()))
        self.assertNotIn(text, "".join(dump))

    def test_all_fields(self) -> None:
        _, key = self.generate(
            key=_KEY,
            rpm_limit=1,
            tpm_limit=2,
            max_parallel_requests=3,
            max_budget=1.5,
            budget_duration="30d",
            duration="1d",
            user_id="u",
            team_id="t",
            aliases={"a": "b"},
        )
        found = self.find(_KEY)
        assert found is not None
        self.assertEqual(found, key)
        self.assertEqual(found.limits, KeyLimits(1, 2, 3))
        self.assertEqual(found.max_budget, 1_500_000_000)
        self.assertEqual((found.budget_reset_at, found.expires), (NOW + 30 * DAY, NOW + DAY))
        self.assertEqual((found.user_id, found.team_id, found.aliases), ("u", "t", {"a": "b"}))

    def test_keys_that_cannot_be(self) -> None:
        for wrong in ("0123456789abcdefg", "sk-short", f"{_KEY} ", f"{_KEY}é",
                      "sk-master-0123456789"):  # fmt: skip
            error = self.error(self.keys.generate(GenerateKey(key=wrong)))
            self.assertEqual((error.status, error.param), (400, "key"), wrong)
        for field in ("duration", "budget_duration"):
            error = self.error(self.keys.generate(GenerateKey(**{field: "soon"})))
            self.assertEqual((error.status, error.param), (400, field))

    def test_what_another_key_has(self) -> None:
        self.generate(key=_KEY, key_alias="alice")
        error = self.error(self.keys.generate(GenerateKey(key=_KEY)))
        self.assertEqual((error.status, error.param), (409, "key"))
        error = self.error(self.keys.generate(GenerateKey(key_alias="alice")))
        self.assertEqual((error.status, error.param), (409, "key_alias"))


class ChangeTests(KeysCase):
    def test_what_is_not_said_stays(self) -> None:
        _, key = self.generate(key=_KEY, models=["m"], max_budget=1.0, rpm_limit=5, duration="1h")
        changed = self.result(self.keys.update(UpdateKey(_KEY, tpm_limit=7, max_budget=None)))
        self.assertEqual(changed.models, ("m",))
        self.assertEqual(changed.limits, KeyLimits(5, 7))
        self.assertIsNone(changed.max_budget)
        self.assertEqual(changed.expires, key.expires)
        changed = self.result(self.keys.update(UpdateKey(key.token, duration="-1", models=[])))
        self.assertEqual((changed.expires, changed.models), (None, ()))

    def test_spend_is_changed_only_when_it_is_said(self) -> None:
        self.generate(key=_KEY, spend=2.0)
        self.assertEqual(self.result(self.keys.update(UpdateKey(_KEY))).spend, 2_000_000_000)
        self.assertEqual(self.result(self.keys.update(UpdateKey(_KEY, spend=0))).spend, 0)
        self.assertEqual(self.result(self.keys.info(_KEY)).spend, 0)

    def test_keys_that_are_not_there(self) -> None:
        for coroutine in (
            self.keys.update(UpdateKey(_KEY)),
            self.keys.block(_KEY, blocked=True),
            self.keys.delete([_KEY], []),
            self.keys.info(_KEY),
        ):
            self.assertEqual(self.error(coroutine).status, 404)

    def test_delete_by_key_hash_and_alias(self) -> None:
        _, first = self.generate(key=_KEY)
        _, second = self.generate()
        _, third = self.generate(key_alias="alice")
        gone = self.result(self.keys.delete([_KEY, second.token], ["alice", "nobody"]))
        self.assertEqual(set(gone), {first.token, second.token, third.token})
        self.assertIsNone(self.find(_KEY))

    def test_pages(self) -> None:
        made = []
        for number in range(5):
            self.clock.advance(1)
            made.append(self.generate(user_id="u" if number % 2 else None)[1])
        keys, total = self.result(self.keys.page(KeyFilter(), 1, 2))
        self.assertEqual(([key.token for key in keys], total), ([made[3].token, made[2].token], 5))
        keys, total = self.result(self.keys.page(KeyFilter(user_id="u"), 0, 10))
        self.assertEqual(total, 2)


class FindTests(KeysCase):
    def test_a_known_key_costs_no_reading(self) -> None:
        text, key = self.generate()
        self.find(text)
        self.database.refuse = [AssertionError()]
        self.assertEqual(self.find(text), key)

    def test_what_is_no_key_is_not_looked_up(self) -> None:
        self.database.refuse = [AssertionError()]
        self.assertIsNone(self.find("not-a-key"))

    def test_a_change_holds_here_at_once(self) -> None:
        text, _ = self.generate()
        self.find(text)
        self.result(self.keys.block(text, blocked=True))
        found = self.find(text)
        assert found is not None
        self.assertTrue(found.blocked)

    def test_a_change_elsewhere_holds_soon(self) -> None:
        text, _ = self.generate()
        self.find(text)
        self.result(self.others.delete([text], []))
        self.assertIsNotNone(self.find(text))
        self.clock.advance(2)
        self.find(text)
        self.assertIsNone(self.find(text))

    def test_a_key_that_was_not_there_is_found_when_it_is_made_here(self) -> None:
        self.assertIsNone(self.find(_KEY))
        self.generate(key=_KEY)
        self.assertIsNotNone(self.find(_KEY))

    def test_what_is_read_while_a_key_changes_is_not_remembered(self) -> None:
        text, _ = self.generate()
        self.database.threads.held = True
        reading = self.keys.find(text.encode())
        assert isinstance(reading, Deferred)
        changing = Deferred.fromCoroutine(self.keys.block(text, blocked=True))
        self.database.threads.work_off()
        self.database.threads.held = False
        self.successResultOf(changing)
        old = self.successResultOf(reading)
        assert old is not None
        self.assertFalse(old.blocked)
        found = self.find(text)
        assert found is not None
        self.assertTrue(found.blocked)

    def test_a_database_that_is_down(self) -> None:
        text, _ = self.generate()
        self.find(text)
        self.clock.advance(5)
        self.database.refuse = [DatabaseUnavailable("down"), DatabaseUnavailable("down")]
        self.assertIsNotNone(self.find(text))
        self.clock.advance(10)
        found = self.keys.find(text.encode())
        assert isinstance(found, Deferred)
        self.failureResultOf(found, DatabaseUnavailable)
