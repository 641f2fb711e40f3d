"""Budgets with much left: held for many calls at once."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from tests.gateway.accounting.test_meter import MeterCase
from tests.gateway.accounts import NOW, FakeAccounts
from tests.gateway.fakes import make_call
from twisted_aigate.gateway.accounting.holds import budget_holds
from twisted_aigate.gateway.accounting.leases import IDLE, OLDEST
from twisted_aigate.gateway.callers import with_key
from twisted_aigate.gateway.calls import Result
from twisted_aigate.gateway.errors import GatewayError
from twisted_aigate.gateway.keys.records import virtual_keys
from twisted_aigate.gateway.keys.requests import UpdateKey
from twisted_aigate.kernel.database import DatabaseUnavailable
from twisted_aigate.kernel.units import HOUR

_KEY = "sk-0123456789abcdef"
_HELLO = [{"role": "user", "content": "Hello"}]
_MOST = 18 * 10**6 + 10 * 10**7
"""What a call of ten tokens may cost."""
_COST = 60_000_000
_PLENTY = 1000.0
_LEASE = 256 * _MOST


class LeaseTests(MeterCase):
    """Leases."""

    answer = Result(b'{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5}}')

    def left_in_hand(self, caller: Any) -> Deferred[Result]:
        """A call that is not answered yet."""
        waiting: Deferred[Result] = Deferred()
        self.provider.answer = waiting
        started = self.start(caller, make_call(messages=_HELLO, max_tokens=10))
        started.addErrback(lambda failure: failure.trap(GatewayError))
        return waiting

    def test_further_calls_touch_no_database(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        self.call(caller)
        self.assertEqual(self.reserved(), _LEASE - _COST)
        self.accounts.database.refuse = [AssertionError()]
        for _ in range(100):
            self.call(caller)
        self.accounts.database.refuse.clear()
        self.accounts.rows()
        self.assertEqual((self.spend(), self.reserved()), (101 * _COST, _LEASE - 101 * _COST))

    def test_one_that_is_used_up_makes_room_for_another(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        for _ in range(600):
            started = self.start(caller, make_call(messages=_HELLO, max_tokens=10))
            self.clock.advance(0)
            self.successResultOf(started)
        self.accounts.rows()
        self.assertEqual(self.spend(), 600 * _COST)
        self.clock.advance(2 * IDLE)
        self.assertEqual((self.spend(), self.reserved()), (600 * _COST, 0))
        self.assertEqual(self.accounts.column(budget_holds.c.id), [])

    def test_one_that_is_idle_is_given_back(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        self.call(caller)
        self.clock.pump([1.0] * int(IDLE))
        self.assertEqual((self.spend(), self.reserved()), (_COST, 0))

    def test_one_that_is_idle_holds_what_its_calls_do(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        first, second = self.left_in_hand(caller), self.left_in_hand(caller)
        self.clock.advance(IDLE)
        self.assertEqual(self.reserved(), 2 * _MOST)
        first.callback(self.answer)
        self.assertEqual((self.spend(), self.reserved()), (_COST, _MOST))
        second.errback(GatewayError(400, "no"))
        self.assertEqual((self.spend(), self.reserved()), (_COST, 0))
        self.assertEqual(self.accounts.column(budget_holds.c.id), [])

    def test_what_may_be_kept_already_is_not_kept_twice(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        waiting = [self.left_in_hand(caller) for _ in range(3)]
        waiting[0].callback(self.answer)
        self.accounts.database.lose = [DatabaseUnavailable("lost the answer")]
        self.clock.advance(IDLE)
        waiting[1].callback(self.answer)
        self.clock.pump([1.0] * 5)
        self.assertEqual((self.spend(), self.reserved()), (2 * _COST, _MOST))

    def test_a_call_outlives_its_lease(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        waiting = self.left_in_hand(caller)
        self.clock.advance(IDLE)
        self.provider.answer = self.answer
        self.call(caller)
        self.assertEqual(self.reserved(), _MOST + _LEASE - _COST)
        waiting.callback(self.answer)
        self.assertEqual((self.spend(), self.reserved()), (2 * _COST, _LEASE - _COST))

    def test_what_fails_goes_back(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        self.provider.answer = GatewayError(400, "no")
        for _ in range(300):
            self.refused(caller)
        self.assertEqual(self.reserved(), _LEASE)
        self.assertEqual(len(self.accounts.column(budget_holds.c.id)), 1)

    def test_those_who_come_at_once_share_one(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        self.accounts.database.threads.held = True
        started = [self.start(caller, make_call(messages=_HELLO, max_tokens=10)) for _ in range(20)]
        self.accounts.database.threads.work_off()
        self.accounts.database.threads.held = False
        for each in started:
            self.successResultOf(each)
        self.assertEqual(len(self.accounts.column(budget_holds.c.id)), 1)

    def test_one_after_another_serves_those_who_come_at_once(self) -> None:
        caller = self.key(max_budget=640 * _MOST / 10**9)
        self.provider.answer = Deferred()
        threads = self.accounts.database.threads
        threads.held = True
        refused: list[Any] = []
        for _ in range(200):
            started = self.start(caller, make_call(messages=_HELLO, max_tokens=10))
            started.addErrback(refused.append)
        for _ in range(200):
            threads.work_off()
            self.clock.advance(0.01)
        threads.held = False
        self.assertEqual(refused, [])
        self.assertLess(self.reserved(), 250 * _MOST)

    def test_a_budget_is_used_to_its_end(self) -> None:
        caller = self.key(max_budget=100 * _MOST / 10**9)
        answered = 0
        while True:
            started = self.start(caller, make_call(messages=_HELLO, max_tokens=10))
            self.clock.advance(0)
            outcome: list[Any] = []
            started.addBoth(outcome.append)
            self.clock.advance(1)
            if not isinstance(outcome[0], Result):
                outcome[0].trap(GatewayError)
                break
            answered += 1
        # Whatever is left is less than a call may cost.
        self.assertLess(100 * _MOST - self.spend(), _MOST)
        self.assertEqual(self.spend(), answered * _COST)

    def test_a_budget_that_is_lowered_is_heard_of(self) -> None:
        caller = self.key(max_budget=_PLENTY)
        self.call(caller)
        update = self.accounts.keys.update(UpdateKey(caller.id, max_budget=0.01))
        self.successResultOf(Deferred.fromCoroutine(update))
        self.clock.advance(OLDEST)
        started = self.start(caller, make_call(messages=_HELLO, max_tokens=10))
        self.clock.advance(1)
        self.failureResultOf(started, GatewayError)

    def test_one_ends_when_its_key_is_changed(self) -> None:
        caller = self.key(key=_KEY, max_budget=_PLENTY)
        self.call(caller)
        self.clock.advance(1)
        update = self.accounts.keys.update(UpdateKey(caller.id, max_budget=0.01))
        changed = self.successResultOf(Deferred.fromCoroutine(update))
        started = self.start(with_key(changed), make_call(messages=_HELLO, max_tokens=10))
        self.clock.advance(0)
        self.failureResultOf(started, GatewayError)

    def test_one_of_a_key_that_is_no_more_holds_nothing_of_the_next(self) -> None:
        caller = self.key(key=_KEY, max_budget=_PLENTY)
        waiting = self.left_in_hand(caller)
        delete = self.accounts.keys.delete([caller.id], [])
        self.successResultOf(Deferred.fromCoroutine(delete))
        self.clock.advance(1)
        again = self.key(key=_KEY, max_budget=0.01)
        waiting.callback(Result(b"{}"))
        started = self.start(again, make_call(messages=_HELLO, max_tokens=10))
        self.clock.advance(0)
        self.failureResultOf(started, GatewayError)
        self.clock.pump([1.0] * int(2 * IDLE))
        self.assertEqual(self.reserved(), 0)

    def test_one_ends_with_its_period(self) -> None:
        caller = self.key(max_budget=_PLENTY, budget_duration="1h")
        self.clock.advance(HOUR - 1)
        self.call(caller)
        self.clock.advance(1)
        started = self.start(caller, make_call(messages=_HELLO, max_tokens=10))
        self.clock.advance(1)
        self.successResultOf(started)
        # It is the new period's, which has begun.
        (reset,) = self.accounts.column(virtual_keys.c.budget_reset_at)
        self.assertEqual((reset, self.spend()), (NOW + 2 * HOUR, _COST))

    def test_a_server_that_is_back_frees_what_it_had_leased(self) -> None:
        self.call(self.key(max_budget=_PLENTY))
        self.assertEqual((self.spend(), self.reserved()), (_COST, _LEASE - _COST))
        again = FakeAccounts(self.clock, "sk-master", self.accounts.database)
        self.successResultOf(Deferred.fromCoroutine(again.start()))
        self.assertEqual((self.spend(), self.reserved()), (_COST, 0))
        self.successResultOf(Deferred.fromCoroutine(again.stop()))

    def test_a_server_that_stops_gives_back(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.accounts.start()))
        self.call(self.key(max_budget=_PLENTY))
        self.successResultOf(Deferred.fromCoroutine(self.accounts.stop()))
        self.assertEqual((self.spend(), self.reserved()), (_COST, 0))
