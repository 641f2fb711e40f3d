"""
A table of what vendors' models cost.

L{twisted_aigate.gateway.accounting.price_library} makes it of the C{genai-prices} library, which
would take 25 MB of memory itself, most of it for schemas of its own data: this takes one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import msgspec

from twisted_aigate.gateway.accounting.prices import FREE, Tariff, tariff

_COMPACT_DATE = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|\Z)")
"""LiteLLM and OpenRouter write C{gpt-5.2-20251211} where vendors write C{gpt-5.2-2025-12-11}."""


class Span(msgspec.Struct, omit_defaults=True):
    """
    Prices, and when they hold.

    @ivar tiers: As for L{tariff}.
    @ivar since: The day from which on they do; C{None}: ever.
    @ivar start: The time of day, in UTC, from which on they do; C{None}: all day.
    @ivar end: The time of day until which they do, which may be on the next day.
    """

    tiers: dict[int, dict[str, float]]
    since: date | None = None
    start: time | None = None
    end: time | None = None

    def holds(self, now: datetime) -> bool:
        """Whether they hold at a time, which is in UTC."""
        if self.since is not None:
            return now.date() >= self.since
        if self.start is None or self.end is None:
            return True
        moment = now.time()
        if self.end < self.start:
            return moment >= self.start or moment < self.end
        return self.start <= moment < self.end


class PricedModel(msgspec.Struct, omit_defaults=True):
    """
    A model.

    @ivar names: What it is called, in small letters.
    @ivar pattern: A regular expression that is found in what else it is called.
    @ivar spans: Its prices; of those that hold the last ones count, and the first ones if none do.
    """

    names: list[str]
    spans: list[Span]
    pattern: str | None = None

    def matches(self, name: str) -> bool:
        """Whether it is called so; C{name} is in small letters."""
        if name in self.names:
            return True
        return self.pattern is not None and re.search(self.pattern, name) is not None

    def tariff(self, now: datetime) -> Tariff:
        """What it costs at a time."""
        for span in reversed(self.spans):
            if span.holds(now):
                return tariff(span.tiers)
        return tariff(self.spans[0].tiers) if self.spans else FREE


class Vendor(msgspec.Struct, omit_defaults=True):
    """
    A vendor.

    @ivar models: Its models: the first that matches is the one.
    @ivar others: Vendors whose prices it has for models of theirs.
    """

    models: list[PricedModel]
    others: list[str] = []


class PriceTable:
    """
    The table.

    @param document: It as JSON: vendors by their names.
    @raise msgspec.DecodeError: It is none.
    """

    def __init__(self, document: bytes) -> None:
        # A vendor's part is read when it is first asked for: hardly anyone has them all.
        self._unread = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
        self._vendors: dict[str, Vendor] = {}

    def tariff(self, vendor: str, model: str, when: float) -> Tariff:
        """
        What a model costs.

        @param when: Unix time.
        @return: L{FREE} of a model that is not in it.
        """
        now = datetime.fromtimestamp(when, UTC)
        name = model.lower()
        for each in (name, _COMPACT_DATE.sub(r"-\1-\2-\3", name)):
            for priced in self._models(vendor):
                if priced.matches(each):
                    return priced.tariff(now)
        return FREE

    def _models(self, vendor: str) -> Iterator[PricedModel]:
        found = self._vendor(vendor)
        yield from found.models
        for other in found.others:
            yield from self._vendor(other).models

    def _vendor(self, name: str) -> Vendor:
        found = self._vendors.get(name)
        if found is None:
            unread = self._unread.pop(name, None)
            # Another version of the library may not have it, or call it otherwise.
            found = Vendor([]) if unread is None else msgspec.json.decode(unread, type=Vendor)
            self._vendors[name] = found
        return found
