"""What a run has printed: lines out of pieces, and waiting for more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.reactor import open_descriptors
from tests.support.threads import HeldThreads
from twisted_aigate.claudebox import transcript
from twisted_aigate.claudebox.transcript import (
    Growth,
    Line,
    LineSplitter,
    TranscriptReader,
    find_result,
    line_type,
)


class SplitterTests(SynchronousTestCase):
    @given(st.lists(st.binary(max_size=8).map(lambda each: each.replace(b"\n", b"")), max_size=8),
           st.binary(max_size=4).map(lambda each: each.replace(b"\n", b"")),
           st.data())  # fmt: skip
    def test_split_anywhere(self, lines: list[bytes], rest: bytes, data: Any) -> None:
        whole = b"".join(line + b"\n" for line in lines) + rest
        offset = data.draw(st.integers(0, 5))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
        splitter = LineSplitter(offset)
        found = []
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            found += splitter.feed(whole[start:end])
        wanted, position = [], offset
        for line in lines:
            position += len(line) + 1
            if line.strip():
                wanted.append(Line(position, line))
        self.assertEqual(found, wanted)

    def test_a_line_that_is_too_long_is_passed_over(self) -> None:
        self.patch(transcript, "_LONGEST_LINE", 10)
        splitter = LineSplitter()
        pieces = [b"ab\n", b"x" * 6, b"x" * 6, b"x" * 6, b"x" * 2, b"x\nyes\n", b"z" * 10, b"\n"]
        found = [line for piece in pieces for line in splitter.feed(piece)]
        self.assertEqual(found, [Line(3, b"ab"), Line(29, b"yes"), Line(40, b"z" * 10)])

    def test_a_line_that_is_too_long_takes_no_memory(self) -> None:
        self.patch(transcript, "_LONGEST_LINE", 10)
        splitter = LineSplitter()
        for _ in range(100):
            self.assertEqual(splitter.feed(b"x" * 7), [])
            self.assertLessEqual(sum(map(len, splitter._rest)), 10)
        self.assertEqual(splitter.feed(b"\nok\n"), [Line(704, b"ok")])


class FileCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.threads: Any = HeldThreads()
        self.descriptors = open_descriptors()
        self.addCleanup(lambda: self.assertEqual(open_descriptors(), self.descriptors))

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)


class ReaderTests(FileCase):
    def lines(self, reader: TranscriptReader) -> list[bytes]:
        read = self.successResultOf(Deferred.fromCoroutine(reader.lines()))
        return [line.text for line in read]

    def all_lines(self, offset: int = 0) -> list[Line]:
        reader, found = TranscriptReader(self.path, self.threads, offset), []
        while read := self.successResultOf(Deferred.fromCoroutine(reader.lines())):
            found += read
        return found

    def test_lines_as_they_come(self) -> None:
        reader = TranscriptReader(self.path, self.threads)
        self.assertEqual(self.lines(reader), [])
        for data, wanted in (
            (b"", []),
            (b"a\nb", [b"a"]),
            (b"c", []),
            (b"\n\n \nd\n", [b"bc", b"d"]),
            (b"e", []),
        ):
            self.append(data)
            self.assertEqual(self.lines(reader), wanted)
            self.assertEqual(self.lines(reader), [])

    def test_more_than_one_piece(self) -> None:
        lines = [b"%d" % number * 50_000 for number in range(20)]
        self.append(b"".join(line + b"\n" for line in lines))
        self.assertEqual([line.text for line in self.all_lines()], lines)

    def test_from_the_end_of_any_line(self) -> None:
        self.append(b'{"a":1}\n\n{"b":2}\n{"c":3}\nrest')
        lines = self.all_lines()
        self.assertEqual([line.text for line in lines], [b'{"a":1}', b'{"b":2}', b'{"c":3}'])
        for number, line in enumerate(lines):
            self.assertEqual(self.all_lines(line.end), lines[number + 1 :])

    def test_who_is_cancelled_leaves_nothing_open(self) -> None:
        self.append(b"a\n")
        self.threads.held = True
        reading = Deferred.fromCoroutine(TranscriptReader(self.path, self.threads).lines())
        reading.cancel()
        self.failureResultOf(reading, CancelledError)
        self.threads.work_off()


class FakeWatch:
    """Tells when the test says so."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def subscribe(self, name: str, changed: Any) -> Any:
        self.told.append(changed)
        return lambda: self.told.remove(changed)


class GrowthTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.watch: Any = FakeWatch()
        self.growth = Growth(self.watch, "x.jsonl")

    def wait(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.growth.wait())

    def tell(self) -> None:
        for told in self.watch.told:
            told()

    def test_it_grows_while_one_waits(self) -> None:
        for _ in range(3):
            waiting = self.wait()
            self.assertNoResult(waiting)
            self.tell()
            self.successResultOf(waiting)

    def test_no_growth_is_lost(self) -> None:
        self.tell()
        self.tell()
        self.successResultOf(self.wait())
        self.assertNoResult(self.wait())

    @given(st.lists(st.sampled_from(("grow", "read")), max_size=20))
    def test_in_any_order_all_is_read(self, steps: list[str]) -> None:
        watch: Any = FakeWatch()
        growth = Growth(watch, "x.jsonl")
        size, seen = [0], [0]

        async def follow() -> None:
            while True:
                read = size[0]
                # Between the reading and the waiting it may grow.
                if paused:
                    await paused.pop()
                seen[0] = read
                await growth.wait()

        paused: list[Deferred[None]] = []
        following = Deferred.fromCoroutine(follow())
        held: list[Deferred[None]] = []
        for step in steps:
            if step == "read":
                held.append(Deferred())
                paused.append(held[-1])
            else:
                size[0] += 1
                watch.told[0]()
                while held:
                    held.pop().callback(None)
        paused.clear()
        self.assertEqual(seen, size)
        following.cancel()
        self.failureResultOf(following, CancelledError)

    def test_who_is_cancelled_can_wait_again(self) -> None:
        waiting = self.wait()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.tell()
        self.successResultOf(self.wait())

    def test_stop(self) -> None:
        self.growth.stop()
        self.assertEqual(self.watch.told, [])


class ResultTests(FileCase):
    def test_no_transcript(self) -> None:
        self.assertIsNone(find_result(self.path))

    def test_none(self) -> None:
        self.append(b'{"type":"assistant","message":{"content":"\\"type\\":\\"result\\""}}\n')
        self.append(b'{"type":"resulting"}\n{"a":"type","type":"result"\n')
        self.assertIsNone(find_result(self.path))

    def test_the_last_one(self) -> None:
        self.append(b'{"type":"result","n":1}\nnot JSON "type":"result"\n{"type":"result","n":2}\n')
        self.append(b'{"type":"system"}\n{"type":"result","n":3}')
        found = find_result(self.path)
        assert found is not None
        self.assertEqual(msgspec.json.decode(found)["n"], 2)

    def test_a_long_one(self) -> None:
        self.append(b'{"type":"assistant","x":"%s"}\n' % (b"y" * 1_000_000))
        self.append(b'{"type":"result","result":"%s"}\n' % (b"y" * 1_000_000))
        self.assertEqual(len(find_result(self.path) or b""), 1_000_029)

    def test_kinds_of_lines(self) -> None:
        for text, kind in (
            (b'{"type":"assistant"}', "assistant"),
            (b'{"x":[1],"type":"result"}', "result"),
            (b"", None),
            (b"{", None),
            (b"[]", None),
            (b"{}", None),
            (b'{"type":null}', None),
            (b'{"type":"\xff"}', None),
            (b'{"x":' + b"[" * 100_000, None),
        ):
            self.assertEqual(line_type(text), kind)
