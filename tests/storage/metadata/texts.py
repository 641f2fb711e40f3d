"""Keys, prefixes, delimiters and markers that are likely to meet."""

from __future__ import annotations

from hypothesis import strategies

# Few characters, so that prefixes are shared; the ends of the ranges of UTF-8, where the order of
# UTF-16 differs from that of bytes; what LIKE and a language's order would take for something else.
_CHARACTERS = "ab/%_A\x01\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"

_drawn = strategies.text(strategies.sampled_from(_CHARACTERS), max_size=6)
_simple = strategies.text(strategies.sampled_from("ab/"), max_size=6)

keys = (_simple | _drawn).filter(bool)
texts = _simple | _drawn
prefixes = strategies.just("") | texts
delimiters = strategies.sampled_from(["", "/", "/", "a", "/a", "b/", "\U0010ffff"]) | texts
limits = strategies.integers(0, 6) | strategies.just(1000)
