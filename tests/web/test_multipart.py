"""Forms with files."""

from __future__ import annotations

from io import BufferedRandom
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.edge import Handlers, Wire, head, make_site, post
from tests.support.threads import HeldThreads
from twisted_aigate.kernel.offload import HIGH_WATER
from twisted_aigate.web import multipart
from twisted_aigate.web.auth import public
from twisted_aigate.web.multipart import Form, read_form
from twisted_aigate.web.reply import Reply, json_reply
from twisted_aigate.web.request import Request

TYPE = "Content-Type: multipart/form-data; boundary=XX"


def part(value: bytes, disposition: str, *lines: str) -> bytes:
    fields = "\r\n".join((f"Content-Disposition: form-data; {disposition}", *lines))
    return b"--XX\r\n" + fields.encode() + b"\r\n\r\n" + value + b"\r\n"


FIELD = part(b"tiny", 'name="model"')
FILE = part(b"RIFF\r\n--X", 'name="file"; filename="a.wav"', "Content-Type: audio/wav")
END = b"--XX--\r\n"


class FormCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.threads = HeldThreads()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.limit = 0
        self.forms: list[Form] = []
        self.contents: list[list[bytes]] = []
        self.opened: list[BufferedRandom] = []
        self.gate: Deferred[None] | None = None
        self.handlers = Handlers()
        self.handlers.router.add("POST", "/form", self.form, public)
        self.watch_files()

    def watch_files(self) -> None:
        make = multipart.tempfile.TemporaryFile

        def made(**options: Any) -> BufferedRandom:
            file = make(**options)
            self.opened.append(file)
            return file

        class Spy:
            TemporaryFile = staticmethod(made)

        self.patch(multipart, "tempfile", Spy)

    def tearDown(self) -> None:
        for file in self.opened:
            file.close()

    async def form(self, request: Request, caller: None) -> Reply:
        if self.gate is not None:
            await self.gate
        form = await read_form(request, self.limit, self.threads, self.folder)
        self.forms.append(form)
        for file in form.files:
            file.file.seek(0)
        self.contents.append([file.file.read() for file in form.files])
        form.close()
        return json_reply(len(form.fields))

    def wire(self) -> Wire:
        return Wire(make_site(self.clock, self.handlers.router), self.clock)

    def send(self, *pieces: bytes, content_type: str = TYPE) -> Wire:
        wire = self.wire()
        length = sum(map(len, pieces))
        wire.send(head("POST", "/form", content_type, f"Content-Length: {length}"), *pieces)
        return wire

    def open_files(self) -> int:
        return sum(not file.closed for file in self.opened)


class ReadTests(FormCase):
    def check(self, form: Form, contents: list[bytes]) -> None:
        self.assertEqual(form.fields, [("model", "tiny")])
        [file] = form.files
        self.assertEqual((file.name, file.filename), ("file", "a.wav"))
        self.assertEqual((file.content_type, file.size), ("audio/wav", 9))
        self.assertEqual(contents, [b"RIFF\r\n--X"])

    def test_fields_and_files_come_in_any_order(self) -> None:
        for body in (FIELD + FILE + END, FILE + FIELD + END):
            self.assertEqual(self.send(body).answer().status, 200)
            self.check(self.forms[-1], self.contents[-1])

    def test_a_file_without_a_type_is_bytes(self) -> None:
        self.send(part(b"", 'name="f"; filename="x"') + END)
        [file] = self.forms[0].files
        self.assertEqual((file.content_type, file.size), ("application/octet-stream", 0))

    def test_fields_are_utf_8_and_may_repeat_and_be_empty(self) -> None:
        self.send(
            part("ä".encode(), 'name="a"')
            + part(b"", 'name="a"')
            + part(b"1\r\n2", 'name="b"')
            + END
        )
        self.assertEqual(self.forms[0].fields, [("a", "ä"), ("a", ""), ("b", "1\r\n2")])

    def test_a_boundary_in_quotes_is_understood(self) -> None:
        quoted = 'Content-Type: Multipart/Form-Data; charset=utf-8; boundary="XX"'
        self.assertEqual(self.send(FIELD + END, content_type=quoted).answer().status, 200)

    def test_a_large_file_is_on_disk_byte_for_byte(self) -> None:
        content = bytes(range(256)) * 4000
        body = part(content, 'name="f"; filename="x"') + END
        pieces = [body[at : at + 10_000] for at in range(0, len(body), 10_000)]
        self.assertEqual(self.send(*pieces).answer().status, 200)
        self.assertEqual(self.contents, [[content]])

    def test_a_form_cut_anywhere_is_the_same(self) -> None:
        body = FIELD + FILE + END
        for at in range(len(body) + 1):
            wire = self.send(*filter(None, (body[:at], body[at:])))
            self.assertEqual(wire.answer().status, 200, f"{body[:at]!r} | {body[at:]!r}")
            self.check(self.forms[-1], self.contents[-1])
        self.assertEqual(self.open_files(), 0)

    @settings(max_examples=50)
    @given(
        content=st.text("\r\n-X\0a").map(str.encode),
        cuts=st.lists(st.integers(0, 500), max_size=20),
    )
    def test_any_content_cut_anyhow_is_the_same(self, content: bytes, cuts: list[int]) -> None:
        if b"\r\n--XX" in b"\r\n" + content:
            return
        body = FIELD + part(content, 'name="f"; filename="x"') + END.rstrip()
        edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
        pieces = [body[a:b] for a, b in pairwise(edges)]
        self.assertEqual(self.send(*filter(None, pieces)).answer().status, 200)
        self.assertEqual(self.contents[-1], [content])

    def test_the_caller_closes_the_files(self) -> None:
        self.send(FILE + FILE + END)
        self.assertEqual((len(self.opened), self.open_files()), (2, 0))


class ThreadTests(FormCase):
    def setUp(self) -> None:
        super().setUp()
        self.threads.held = True

    def test_little_more_is_read_while_a_thread_writes(self) -> None:
        content = b"x" * (4 * HIGH_WATER)
        body = part(content, 'name="f"; filename="x"') + END
        wire = self.wire()
        wire.send(head("POST", "/form", TYPE, f"Content-Length: {len(body)}"))
        sent = 0
        while wire.transport.reading:
            wire.send(body[sent : sent + 65536])
            sent += 65536
        self.assertGreater(sent, HIGH_WATER)
        self.assertLess(sent, HIGH_WATER + 5 * 65536)
        self.assertEqual(len(self.threads), 1)
        while sent < len(body):
            self.threads.work()
            self.assertTrue(wire.transport.reading)
            while wire.transport.reading and sent < len(body):
                wire.send(body[sent : sent + 65536])
                sent += 65536
        self.assertEqual(wire.statuses, [])
        self.threads.work_off()
        self.assertEqual(wire.statuses, [200])
        self.assertEqual(self.contents, [[content]])

    def test_one_thread_at_a_time_works_on_a_form(self) -> None:
        wire = self.wire()
        self.gate = Deferred()
        wire.send(post("/form", FIELD + FILE, TYPE)[:-20])
        wire.send(FILE[-20:-10])
        self.gate.callback(None)
        while len(self.threads):
            self.assertEqual(len(self.threads), 1)
            self.threads.work()
        wire.send(FILE[-10:])
        self.threads.work_off()
        self.assertEqual(wire.statuses, [400])

    def test_a_client_that_leaves_while_a_thread_writes_leaves_no_file_open(self) -> None:
        wire = self.wire()
        body = FILE + FILE + END
        wire.send(post("/form", body, TYPE)[: -len(body) // 2])
        wire.transport.lose()
        self.threads.work_off()
        self.flushLoggedErrors()
        self.assertEqual(self.open_files(), 0)

    def test_a_client_that_leaves_before_the_last_is_written_leaves_no_file_open(
        self,
    ) -> None:
        wire = self.wire()
        wire.send(post("/form", FILE + END, TYPE))
        wire.transport.lose()
        self.threads.work_off()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assertEqual(self.open_files(), 0)
        self.assertEqual(self.forms, [])
