"""
The C{genai-prices} library, and its prices as a table.

As a program of its own it writes the table to its standard output, so that nobody else needs to
have the library in memory. Source: https://github.com/pydantic/genai-prices
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any

import msgspec

from twisted_aigate.gateway.accounting.price_table import PricedModel, Span, Vendor
from twisted_aigate.kernel.units import HOUR

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo

_KINDS = {
    # Of models that make pictures it may be all that they write; the next wins.
    "output_image_mtok": ("completion", 1e6),
    "input_mtok": ("prompt", 1e6),
    "output_mtok": ("completion", 1e6),
    "cache_read_mtok": ("cache_read", 1e6),
    "cache_write_mtok": ("cache_write", 1e6),
    "cache_write_1h_mtok": ("cache_write_hour", 1e6),
    "input_audio_mtok": ("prompt_audio", 1e6),
    "output_audio_mtok": ("completion_audio", 1e6),
    "input_mchars": ("characters", 1e6),
    "audio_hours": ("seconds", HOUR),
    "input_audio_hours": ("seconds", HOUR),
    "requests_kcount": ("requests", 1e3),
}
"""The library's kinds of prices to ours, and how many of one make the price."""


def load_library() -> DataSnapshot:
    """The library's data, which come with it; nothing is fetched."""
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot()


def make_table(library: DataSnapshot) -> bytes:
    """Its prices, for L{twisted_aigate.gateway.accounting.price_table.PriceTable}."""
    table = {
        provider.id: Vendor(
            [_model(model) for model in provider.models], provider.fallback_model_providers or []
        )
        for provider in library.providers
    }
    return msgspec.json.encode(table)


def _model(model: ModelInfo) -> PricedModel:
    spans = []
    prices: Any = model.prices
    for each in prices if isinstance(prices, list) else [prices]:
        constraint = getattr(each, "constraint", None)
        spans.append(
            Span(
                tiers_of(vars(getattr(each, "prices", each))),
                since=getattr(constraint, "start_date", None),
                start=_time(constraint, "start_time"),
                end=_time(constraint, "end_time"),
            )
        )
    names, pattern = _names_and_pattern(model.match)
    return PricedModel(names, spans, pattern)


def _time(constraint: Any, name: str) -> time | None:
    """A constraint's time of day, in UTC."""
    found: time | None = getattr(constraint, name, None)
    if found is None or found.tzinfo is None:
        return found
    return datetime.combine(date(1970, 1, 1), found).astimezone(UTC).time()


def tiers_of(said: Mapping[str, Any]) -> dict[int, dict[str, float]]:
    """Prices by the library's names as L{Span.tiers}."""
    steps = {tier.start for price in said.values() for tier in getattr(price, "tiers", ())}
    return {
        start: {
            kind: float(_at(said[name], start)) / many
            for name, (kind, many) in _KINDS.items()
            if said.get(name) is not None
        }
        for start in sorted({0, *steps})
    }


def _at(price: Any, start: int) -> Any:
    """A price at a number of tokens read; above it, for those that have tiers."""
    value = getattr(price, "base", price)
    for tier in getattr(price, "tiers", ()):
        if start >= tier.start:
            value = tier.price
    return value


def _names_and_pattern(clause: Any) -> tuple[list[str], str | None]:
    """What is compared, fast, and what is searched for, of all that a model may be called."""
    clauses = getattr(clause, "or_", [clause])
    names = [each.equals.lower() for each in clauses if hasattr(each, "equals")]
    others = [_pattern(each) for each in clauses if not hasattr(each, "equals")]
    return names, "|".join(others) or None


def _pattern(clause: Any) -> str:
    """A clause of the library's as a regular expression, for a text in small letters."""
    ((kind, value),) = vars(clause).items()
    if kind == "regex":
        return f"(?:{value})"
    if kind == "or_":
        return f"(?:{'|'.join(map(_pattern, value))})"
    if kind == "and_":
        return r"(?:\A" + "".join(rf"(?=[\s\S]*?{_pattern(each)})" for each in value) + ")"
    literal = re.escape(value.lower())
    before, behind = {
        "equals": (r"\A", r"\Z"),
        "starts_with": (r"\A", ""),
        "ends_with": ("", r"\Z"),
        "contains": ("", ""),
    }[kind]
    return f"(?:{before}{literal}{behind})"


if __name__ == "__main__":
    sys.stdout.buffer.write(make_table(load_library()))
