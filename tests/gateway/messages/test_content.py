"""The blocks of a streamed message."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.gateway.messages.examples import Event, asked, blocks_of, call
from twisted_aigate.gateway.chat.answers import Said
from twisted_aigate.gateway.messages.content import StreamedContent


def _events(*deltas: Any, names: dict[str, str] | None = None) -> list[list[Event]]:
    """What each delta makes, and the end."""
    content = StreamedContent(asked(names))
    made = [list(content.add(msgspec.convert(delta, Said))) for delta in deltas]
    made.append(list(content.finish()))
    return [[{"type": name, **fields} for name, fields in events] for events in made]


def _blocks(*deltas: Any, names: dict[str, str] | None = None) -> list[Event]:
    return blocks_of([event for events in _events(*deltas, names=names) for event in events])


def _use(call_id: str, name: str, arguments: Any) -> Event:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


_TEXT = {"content": "x"}
_A = call(0, '{"a":', id="c0", name="f")
_A_REST = call(0, "1}")
_B = call(1, '{"b":', id="c1", name="g")
_B_REST = call(1, "2}")
_BOTH = [_use("c0", "f", {"a": 1}), _use("c1", "g", {"b": 2})]


class StreamedContentTests(SynchronousTestCase):
    """Deltas in, events of blocks out."""

    def test_blocks(self) -> None:
        """What comes out, whatever the order it came in."""
        text = {"type": "text", "text": "x"}
        thought = {"type": "thinking", "thinking": "hm", "signature": "reasoning_content:m"}
        for name, deltas, expected in (
            ("nothing", [{}, {"content": ""}, {"role": "assistant", "content": None}], []),
            ("text", [_TEXT, _TEXT], [{"type": "text", "text": "xx"}]),
            ("refusal", [{"refusal": "x"}], [text]),
            (
                "thought, then text",
                [{"reasoning_content": "h"}, {"reasoning_content": "m"}, _TEXT],
                [thought, text],
            ),
            ("thought and text at once", [{"reasoning_content": "hm", **_TEXT}], [thought, text]),
            (
                "text between thoughts",
                [{"reasoning_content": "hm"}, _TEXT, {"reasoning_content": "hm"}],
                [thought, text, thought],
            ),
            ("a call", [_A, _A_REST], _BOTH[:1]),
            ("text, then a call", [_TEXT, _A, _A_REST], [text, _BOTH[0]]),
            ("one after the other", [_A, _A_REST, _B, _B_REST], _BOTH),
            ("interleaved", [_A, _B, _A_REST, _B_REST], _BOTH),
            ("the other ends first", [_A, _B, _B_REST, _A_REST], _BOTH),
            ("text amid a call", [_A, _TEXT, _A_REST], [_BOTH[0], text]),
            (
                "all at once",
                [{"tool_calls": [*_A["tool_calls"], *_B["tool_calls"]]}, _A_REST, _B_REST],
                _BOTH,
            ),
            ("whitespace after the end", [_A, _A_REST, _B, _B_REST, call(0, " ")], _BOTH),
            (
                "no index, as Gemini",
                [call(None, "{}", id="c0", name="f"), call(None, "{}", id="c1", name="g")],
                [_use("c0", "f", {}), _use("c1", "g", {})],
            ),
            (
                "one index for all, as Ollama",
                [call(0, "{}", id="c0", name="f"), call(0, "{}", id="c1", name="g")],
                [_use("c0", "f", {}), _use("c1", "g", {})],
            ),
            (
                "the id again and again",
                [_A, call(0, "1", id="c0", name="f"), call(0, "}", id="c0")],
                _BOTH[:1],
            ),
            ("no arguments", [call(0, "", id="c0", name="f")], [_use("c0", "f", {})]),
            (
                "no arguments, twice",
                [call(0, "", id="c0", name="f"), call(1, "", id="c1", name="g")],
                [_use("c0", "f", {}), _use("c1", "g", {})],
            ),
            ("a name that comes late", [call(0, "{", id="c0"), call(0, "}", name="f")],
             [_use("c0", "f", {})]),
            ("a name that never comes", [call(0, "{}", id="c0"), _TEXT], [text]),
        ):  # fmt: skip
            with self.subTest(name):
                self.assertEqual(_blocks(*deltas), expected)

    def test_as_it_comes(self) -> None:
        """Each delta makes its event at once, also of a second call after a first."""
        made = _events(_TEXT, _A, _A_REST, _B, _B_REST)
        kinds = [[event["type"].removeprefix("content_block_") for event in each] for each in made]
        self.assertEqual(
            kinds,
            [
                ["start", "delta"],
                ["stop", "start", "delta"],
                ["delta"],
                ["stop", "start", "delta"],
                ["delta"],
                ["stop"],
            ],
        )
        self.assertEqual(made[2][0]["delta"], {"type": "input_json_delta", "partial_json": "1}"})

    def test_unfinished_call(self) -> None:
        """Arguments that were cut off are passed on as they are, and the block ends."""
        events = [event for each in _events(_A) for event in each]
        self.assertEqual(events[-1]["type"], "content_block_stop")
        self.assertEqual(events[1]["delta"]["partial_json"], '{"a":')

    def test_names_and_ids(self) -> None:
        """The tool's own name, and an id where there is none."""
        [block] = _blocks(call(0, "{}", name="short"), names={"short": "the long name"})
        self.assertEqual(block["name"], "the long name")
        self.assertTrue(block["id"].startswith("toolu_"))

    @given(st.data())
    def test_any_order(self, data: st.DataObject) -> None:
        """However the pieces of calls are mixed, every call comes out whole, in its order."""
        arguments = data.draw(
            st.lists(
                st.dictionaries(st.text(max_size=3), st.text(max_size=8) | st.integers(0, 9)),
                min_size=1,
                max_size=4,
            )
        )
        left = [list(json.dumps(each)) for each in arguments]
        deltas = []
        for index in range(len(left)):
            deltas.append(call(index, "", id=f"c{index}", name=f"f{index}"))
            for which in data.draw(st.lists(st.integers(0, index), max_size=6)):
                deltas += [call(which, left[which].pop(0))] if left[which] else []
        while any(left):
            which = data.draw(st.sampled_from([n for n, rest in enumerate(left) if rest]))
            size = data.draw(st.integers(1, 5))
            deltas.append(call(which, "".join(left[which][:size])))
            del left[which][:size]
        expected = [_use(f"c{n}", f"f{n}", each) for n, each in enumerate(arguments)]
        self.assertEqual(_blocks(*deltas), expected)
