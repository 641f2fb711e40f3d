"""The table says what the library says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.gateway.accounts import price_table
from tests.support.reactor import turn_until
from twisted_aigate.gateway.accounting import price_file
from twisted_aigate.gateway.accounting.price_file import PriceFile
from twisted_aigate.gateway.accounting.price_library import load_library, tiers_of
from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.gateway.accounting.prices import FREE, Amounts, Tariff, tariff
from twisted_aigate.kernel import processes
from twisted_aigate.kernel.processes import ChildProcess
from twisted_aigate.kernel.threads import Threads

_TIMES = [
    datetime(year, month, day, hour, minute, tzinfo=UTC)
    for year, month, day in ((2023, 1, 1), (2025, 9, 5), (2026, 11, 27))
    for hour, minute in ((0, 29), (12, 0), (16, 30))
]
_AROUND = ("x-{}", "{}-x", "{}-20251211", "{}:free")


def _words(clause: Any) -> Iterator[str]:
    """What stands in a clause."""
    for value in vars(clause).values():
        if isinstance(value, str):
            yield value
        else:
            for each in value:
                yield from _words(each)


def _said(vendor: str, name: str, when: datetime) -> Tariff:
    """What the library itself says."""
    try:
        _, model = load_library().find_provider_model(name, None, vendor, None)
    except LookupError:
        return FREE
    return tariff(tiers_of(vars(model.get_prices(when))))


class PriceTableTests(SynchronousTestCase):
    def test_each_model_has_the_librarys_price(self) -> None:
        """By all its names, and by those that are nearly one, at all times."""
        table, count = price_table(), 0
        for vendor in load_library().providers:
            names = {name for model in vendor.models for name in (model.id, *_words(model.match))}
            some = sorted(names)[:: 1 + len(names) // 300]
            for number, name in enumerate(some):
                for form in ("{}", _AROUND[number % len(_AROUND)]):
                    called, when = form.format(name), _TIMES[number % len(_TIMES)]
                    found = table.tariff(vendor.id, called, when.timestamp())
                    expected = _said(vendor.id, called, when)
                    self.assertEqual(found.tiers, expected.tiers, (vendor.id, called, when))
                    count += not found.is_free
        self.assertGreater(count, 500)

    def test_prices_that_change(self) -> None:
        """From a day on, and in the night."""
        changing = [
            (vendor, model)
            for vendor in load_library().providers
            for model in vendor.models
            if isinstance(model.prices, list) and len(model.prices) > 1
        ]
        self.assertTrue(changing)
        for vendor, model in changing:
            for when in _TIMES:
                found = price_table().tariff(vendor.id, model.id, when.timestamp())
                self.assertEqual(found.tiers, _said(vendor.id, model.id, when).tiers)

    def test_vendors_that_are_not_in_it(self) -> None:
        """Their models are free, as all that nobody knows."""
        table = PriceTable(b'{"a":{"models":[],"others":["gone"]}}')
        for vendor in ("a", "gone", "gone"):
            self.assertIs(table.tariff(vendor, "x", 1.8e9), FREE)

    def test_in_capital_letters(self) -> None:
        names = ("GPT-4o-mini", "gpt-4o-mini")
        first, second = (price_table().tariff("openai", name, 1.8e9) for name in names)
        self.assertFalse(first.is_free)
        self.assertEqual(first.tiers, second.tiers)


class PriceFileTests(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())

    async def cost(self) -> int:
        """What a million tokens cost by the file."""
        from twisted.internet import reactor

        threads = Threads(reactor, 1, "prices")
        self.addCleanup(threads.stop)
        table = await PriceFile(reactor, threads, os.environ, self.folder).load()
        return table.tariff("openai", "gpt-4o-mini", 1.8e9).cost(Amounts(prompt=1e6))

    async def test_it_is_made_once(self) -> None:
        first = await self.cost()
        with mock.patch.object(price_file, "spawn") as spawn:
            again = await self.cost()
        spawn.assert_not_called()
        self.assertEqual([first, again], [150_000_000] * 2)

    async def test_it_is_made_anew(self) -> None:
        """What another version has left, and what a crash cut off, does not stay."""
        await self.cost()
        (path,) = self.folder.iterdir()
        path.write_bytes(path.read_bytes()[:1000])
        old = self.folder / "genai-prices-0.0.1-1.json"
        old.write_bytes(b"{}")
        self.assertEqual(await self.cost(), 150_000_000)
        self.assertEqual(list(self.folder.iterdir()), [path])
        self.assertGreater(path.stat().st_size, 1000)

    async def test_a_library_that_cannot_be_used(self) -> None:
        """Its complaint is told, and the next call tries again."""
        with mock.patch.object(price_file.price_library, "__name__", "no_such_module"):
            error = await self.assertFailure(Deferred.fromCoroutine(self.cost()), OSError)
        self.assertIn("no_such_module", str(error))
        self.assertEqual(await self.cost(), 150_000_000)

    async def test_whoever_leaves_ends_it(self) -> None:
        from twisted.internet import reactor

        children: list[ChildProcess] = []

        def spawn(reactor: Any, child: ChildProcess, *arguments: Any) -> None:
            children.append(child)
            processes.spawn(reactor, child, ("/bin/sleep", "100"), {})

        with mock.patch.object(price_file, "spawn", spawn):
            loading = Deferred.fromCoroutine(self.cost())
            await turn_until(reactor, lambda: children and children[0].pid, "it is not started")
        (child,) = children
        loading.cancel()
        await self.assertFailure(loading, CancelledError)
        await turn_until(reactor, lambda: child._gone, "it is still there")
