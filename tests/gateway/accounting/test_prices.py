"""What work costs."""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.accounts import load_prices, price_table
from twisted_aigate.gateway.accounting.money import to_dollars, to_nanos
from twisted_aigate.gateway.accounting.price_book import LIBRARY_NAMES, PriceBook, needs_library
from twisted_aigate.gateway.accounting.price_library import load_library
from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.gateway.accounting.prices import (
    PRICE_NAMES,
    Amounts,
    configured_tariff,
    tariff,
)
from twisted_aigate.gateway.config_file import LiteLLMParams
from twisted_aigate.gateway.deployments import Deployment


class MoneyTests(SynchronousTestCase):
    def test_sums_are_exact(self) -> None:
        self.assertEqual(sum([to_nanos(0.1)] * 10), to_nanos(1))
        self.assertEqual(to_dollars(to_nanos(0.000_000_15)), 0.000_000_15)

    def test_what_is_no_amount(self) -> None:
        for wrong in (float("nan"), float("inf")):
            self.assertRaises(ValueError, to_nanos, wrong)
        self.assertLess(to_nanos(1e300), 2**63)


class TariffTests(SynchronousTestCase):
    def test_each_kind_has_its_price(self) -> None:
        made = configured_tariff(
            {
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6,
                "cache_read_input_token_cost": 1e-7,
                "output_cost_per_image": 0.04,
                "mode": "chat",
            }
        )
        assert made is not None
        amounts = Amounts(prompt=100, cache_read=1000, completion=10, images=2)
        self.assertEqual(made.cost(amounts), 100_000 + 100_000 + 20_000 + 80_000_000)

    def test_what_has_no_price_of_its_own_costs_as_what_it_is(self) -> None:
        made = tariff({0: {"prompt": 1e-6, "completion": 1e-5}})
        amounts = Amounts(cache_read=1, cache_write=1, prompt_audio=1, completion_audio=1)
        self.assertEqual(made.cost(amounts), 3_000 + 10_000)
        made = tariff({0: {"prompt": 1e-6, "cache_write": 2e-6}})
        self.assertEqual(made.cost(Amounts(cache_write_hour=1)), 2_000)

    def test_tiers_hold_above_what_was_read(self) -> None:
        made = tariff({0: {"prompt": 1e-6}, 1000: {"prompt": 2e-6}})
        self.assertEqual(made.cost(Amounts(prompt=1000)), 1_000_000)
        self.assertEqual(made.cost(Amounts(prompt=900, cache_read=101)), 2_002_000)

    def test_the_worst_that_can_come(self) -> None:
        made = tariff({0: {"prompt": 1e-6, "cache_write": 1.25e-6}})
        self.assertEqual(made.worst(Amounts(prompt=100)), 125_000)

    def test_a_configuration_without_prices(self) -> None:
        self.assertIsNone(configured_tariff({"mode": "chat", "input_cost_per_token": "x"}))
        tariff = configured_tariff({"input_cost_per_token": 0})
        self.assertTrue(tariff is not None and tariff.is_free)

    def test_all_names_can_be_configured(self) -> None:
        self.assertEqual(PRICE_NAMES - set(LiteLLMParams.__struct_fields__), set())


class PriceBookTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
        self.book = PriceBook(self.clock, load_prices)
        vendors = Deployment("m", "openai", "x")
        self.successResultOf(Deferred.fromCoroutine(self.book.prepare(lambda: [vendors])))

    def cost(self, provider: str, model: str, **amounts: float) -> int:
        """What work costs at a deployment."""
        return self.book.of(Deployment("m", provider, model)).cost(Amounts(**amounts))

    def test_not_all_that_was_ever_asked_for_is_remembered(self) -> None:
        for number in range(5000):
            self.book.of(Deployment(f"m{number}", "local", "x"))
        self.assertLess(len(self.book._known), 5000)

    def test_the_library_knows_what_people_use(self) -> None:
        million = 1_000_000
        dollar = 1_000_000_000
        self.assertEqual(self.cost("openai", "gpt-4o-mini", prompt=million), dollar * 15 // 100)
        self.assertEqual(self.cost("openai", "gpt-4o-mini", cache_read=million), 75_000_000)
        self.assertEqual(self.cost("anthropic", "claude-3-5-haiku-latest", completion=million),
                         4 * dollar)  # fmt: skip
        self.assertEqual(self.cost("openai", "whisper-1", seconds=60), 6_000_000)
        self.assertEqual(self.cost("openai", "tts-1", characters=million), 15 * dollar)
        low, high = (
            self.cost("gemini", "gemini-2.5-pro", prompt=count) for count in (100_000, 300_000)
        )
        self.assertEqual(high, low * 6)

    def test_all_of_the_library_can_be_read(self) -> None:
        known = {provider.id: provider for provider in load_library().providers}
        for ours, theirs in LIBRARY_NAMES.items():
            for model in known[theirs].models:
                self.assertGreaterEqual(self.cost(ours, model.id, prompt=10**6), 0)

    def test_what_nobody_knows_is_free(self) -> None:
        self.assertEqual(self.cost("openai", "no-such-model", prompt=10**6), 0)
        self.assertEqual(self.cost("local", "gpt-4o-mini", prompt=10**6), 0)
        self.assertEqual(self.cost("hosted_vllm", "gpt-4o-mini", prompt=10**6), 0)

    def test_they_are_loaded_once_for_all_who_wait(self) -> None:
        """Who leaves, and a failure, takes nothing from the others."""
        loads: list[Deferred[PriceTable]] = []

        async def load() -> PriceTable:
            loads.append(Deferred())
            return await loads[-1]

        book = PriceBook(self.clock, load)
        vendors = [Deployment("m", "openai", "gpt-4o-mini")]

        def prepared() -> Deferred[None]:
            return Deferred.fromCoroutine(book.prepare(lambda: vendors))

        leaves, fails, waits = prepared(), prepared(), prepared()
        self.assertEqual(len(loads), 1)
        leaves.cancel()
        self.failureResultOf(leaves, CancelledError)
        loads[1].errback(OSError())
        self.failureResultOf(fails, OSError)
        self.assertNoResult(waits)
        loads[2].callback(price_table())
        self.successResultOf(waits)
        self.successResultOf(prepared())
        self.assertEqual(len(loads), 3)
        self.assertFalse(book.of(vendors[0]).is_free)

    def test_only_what_is_needed_is_loaded(self) -> None:
        async def load() -> PriceTable:
            raise AssertionError

        book = PriceBook(self.clock, load)
        own = Deployment("m", "openai", "x", info={"input_cost_per_token": 1.0})
        deployments = [own, Deployment("m", "local", "x")]
        self.successResultOf(Deferred.fromCoroutine(book.prepare(lambda: deployments)))

    def test_the_configuration_wins(self) -> None:
        info = {"input_cost_per_token": 1.0}
        own = Deployment("m", "openai", "gpt-4o-mini", info=info)
        self.assertEqual(self.book.of(own).cost(Amounts(prompt=1)), 1_000_000_000)
        self.assertFalse(needs_library(own))

    def test_a_reloaded_deployment_has_its_new_price(self) -> None:
        for price in (1.0, 2.0):
            info = {"id": "same", "input_cost_per_token": price}
            deployment = Deployment("m", "openai", "x", info=info)
            self.assertEqual(self.book.of(deployment).cost(Amounts(prompt=1)), price * 10**9)

    def test_only_vendors_prices_need_the_library(self) -> None:
        self.assertTrue(needs_library(Deployment("m", "openai", "gpt-4o-mini")))
        self.assertFalse(needs_library(Deployment("m", "local", "x")))
