"""What makes two calls the same."""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.fakes import make_call
from twisted_aigate.gateway.cache.key import cache_key
from twisted_aigate.gateway.callers import MASTER, Caller
from twisted_aigate.gateway.calls import Call, Task

_ASKED: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5}


def call(**changes: Any) -> Call:
    return make_call(Task.CHAT, **{**_ASKED, **changes})


def key(asked: Call, caller: Caller = MASTER, namespace: str = "") -> str:
    return cache_key(caller, asked, namespace)


class KeyTests(SynchronousTestCase):
    def test_order_and_spacing_do_not_matter(self) -> None:
        spaced = msgspec.Raw(b'[ {"content" : "Hi", "role":"user"} ]')
        fields = {"temperature": msgspec.Raw(b"0.5"), "messages": spaced}
        same = Call(Task.CHAT, "m", {**fields, "model": msgspec.Raw(b'"m"')})
        self.assertEqual(key(same), key(call()))

    def test_who_asks_on_whose_behalf_does_not_matter(self) -> None:
        same = call(user="u", metadata={"a": "b"}, prompt_cache_key="k", stop=None)
        self.assertEqual(key(same), key(call()))

    def test_everything_else_does(self) -> None:
        others = [
            call(),
            call(model="other"),
            call(temperature=0.6),
            call(stream=True),
            call(stream=True, stream_options={"include_usage": True}),
            call(unknown_field=1),
            call(messages=[{"role": "user", "content": "Hi "}]),
            evolve(call(), task=Task.COMPLETION),
            evolve(call(), model="meant"),
            evolve(call(), extra_headers=((b"X-Region", b"eu"),)),
            evolve(call(), protocol_headers=((b"anthropic-beta", b"x"),)),
        ]
        self.assertEqual(len(set(map(key, others))), len(others))

    def test_large_ones(self) -> None:
        images = [[{"role": "user", "content": letter * 100_000}] for letter in "aab"]
        first, same, other = (key(call(messages=each)) for each in images)
        self.assertEqual(first, same)
        self.assertNotEqual(first, other)

    def test_what_cannot_be_read_counts_as_it_is_written(self) -> None:
        texts = [b"1e999", b"9" * 5000, b'"\xff"']
        fields = call().fields
        keys = {
            key(evolve(call(), fields={**fields, "unknown": msgspec.Raw(text)})) for text in texts
        }
        self.assertEqual(len(keys), len(texts))

    def test_callers_never_share(self) -> None:
        self.assertNotEqual(key(call(), Caller("a")), key(call(), Caller("b")))
        # Not even by a namespace that looks like the other's key.
        named = key(call(), Caller("a"), "n")
        self.assertNotEqual(named, key(call(), Caller("b"), "n"))
        self.assertTrue(named.startswith("n:"))
