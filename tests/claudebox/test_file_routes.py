"""C{/files}: its paths, its ranges, its conditions, and clients that leave."""

from __future__ import annotations

import os
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.answers import Answer
from tests.support.edge import Wire, get, head, make_site
from tests.support.threads import HeldThreads
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.files import Files
from twisted_aigate.claudebox.routes.files import FileRoutes
from twisted_aigate.kernel.beneath import TEMPORARY
from twisted_aigate.kernel.file_body import PIECE
from twisted_aigate.kernel.secrets import Secret
from twisted_aigate.web.auth import bearer
from twisted_aigate.web.errors import HTTPError, RenderedError
from twisted_aigate.web.routing import Router
from twisted_aigate.web.site import Tree

_LIMIT = 3 * PIECE
_TOKEN = "Authorization: Bearer sk-files"
_MTIME = 1_600_000_000


def _render(error: Exception, request_id: str) -> RenderedError | None:
    if isinstance(error, ClaudeboxError):
        return RenderedError(error.status, msgspec.json.encode({"detail": error.detail}))
    if isinstance(error, HTTPError):
        body = msgspec.json.encode({"detail": error.message})
        return RenderedError(error.status, body, headers=error.headers)
    return None


class FileRoutesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.top = Path(self.mktemp())
        self.root = self.top / "root"
        (self.root / "ws/sub").mkdir(parents=True)
        (self.top / "outside").mkdir()
        (self.top / "outside/file").write_bytes(b"secret")
        (self.root / "ws/out").symlink_to("../../outside")
        self.put_file("ws/file.txt", b"0123456789")
        self.clock = Clock()
        self.threads: Any = HeldThreads()
        router = Router()
        FileRoutes(Files(self.root, self.threads), _LIMIT).add_to(
            router, bearer(Secret("sk-files"))
        )
        tree = Tree(b"claudebox", router, _render, None, frozenset(), 600.0)
        self.site = make_site(self.clock, Router(), others=[tree])
        self._descriptors = self.descriptors()
        self.addCleanup(self._look_for_leaks)

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def _look_for_leaks(self) -> None:
        self.threads.work_off()
        self.assertEqual(self.descriptors(), self._descriptors)
        self.assertEqual(os.listdir(self.top / "outside"), ["file"])
        litter = [name for _, _, files in os.walk(self.top) for name in files
                  if name.startswith(TEMPORARY)]  # fmt: skip
        self.assertEqual(litter, [])

    def put_file(self, path: str, data: bytes) -> None:
        (self.root / path).write_bytes(data)
        os.utime(self.root / path, (_MTIME, _MTIME))

    def content(self, path: str = "ws/file.txt") -> bytes:
        return (self.root / path).read_bytes()

    def wire(self) -> Wire:
        return Wire(self.site, self.clock)

    def ask(self, method: str, path: str, *lines: str, body: bytes = b"") -> Answer:
        wire = self.wire()
        if body or method == "PUT":
            lines = (*lines, f"Content-Length: {len(body)}")
        wire.send(head(method, f"/claudebox/files{path}", _TOKEN, *lines) + body)
        return wire.answer(to_head=method == "HEAD")

    def get(self, *lines: str, path: str = "/ws/file.txt") -> Answer:
        return self.ask("GET", path, *lines)

    def json(self, answer: Answer) -> Any:
        return msgspec.json.decode(answer.body)


class PathTests(FileRoutesCase):
    def test_paths_that_lead_out(self) -> None:
        for path in ("/../outside/file", "/ws/../../outside/file", "/ws/out/file", "/%2e%2e/x",
                     "/ws/%2e%2e/%2E%2e/outside/file", "/ws%2F..%2F..%2Foutside%2Ffile",
                     "/ws/..%2f../outside/file", "/ws/a%00b", "/%00", "/ws/" + "x" * 256,
                     f"/ws/{TEMPORARY}x"):  # fmt: skip
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                with self.subTest(path=path, method=method):
                    self.assertEqual(self.ask(method, path, body=b"").status, 400)

    def test_absolute_paths(self) -> None:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            for path in ("//etc/passwd", "/%2Fetc/passwd", "/%2fetc%2fpasswd"):
                self.assertEqual(self.ask(method, path).status, 400, path)
            self.assertEqual(self.ask(method, "///etc/passwd").status, 404)

    def test_what_is_encoded_twice_is_a_name(self) -> None:
        self.assertEqual(self.ask("PUT", "/ws/%252e%252e/x", body=b"new").status, 200)
        self.assertEqual(self.content("ws/%2e%2e/x"), b"new")

    def test_names_with_any_letter(self) -> None:
        for name in ("😀 ü", "a?b#c", "a+b&c=d", "a\\..\\b", "x" * 255, "a;b", "a|b"):
            path = "/ws/" + quote(name, safe="")
            answer = self.ask("PUT", path, body=name.encode())
            self.assertEqual(self.json(answer)["path"], f"ws/{name}")
            self.assertEqual(self.get(path=path).body, name.encode())
            self.assertEqual(self.ask("DELETE", path).status, 200)

    def test_a_slash_more_or_less(self) -> None:
        for path in ("/ws/file.txt/", "/ws//file.txt", "/ws/./file.txt", "/ws/sub/../file.txt"):
            self.assertEqual(self.get(path=path).body, b"0123456789", path)

    def test_methods(self) -> None:
        answer = self.ask("POST", "/ws/file.txt", body=b"x")
        self.assertEqual((answer.status, answer.field("Allow")), (405, "DELETE, GET, HEAD, PUT"))
        self.assertEqual(self.ask("DELETE", "").status, 405)

    def test_the_token_is_needed(self) -> None:
        for method in ("GET", "PUT", "DELETE"):
            for path in ("", "/", "/ws/file.txt"):
                wire = self.wire()
                wire.send(head(method, f"/claudebox/files{path}"))
                self.assertIn(wire.statuses, ([401], [405]))
        self.assertEqual(self.content(), b"0123456789")


class PutTests(FileRoutesCase):
    def test_put(self) -> None:
        answer = self.ask("PUT", "/ws/new/x", body=b"hello")
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.json(answer), {"status": "ok", "path": "ws/new/x", "size": 5})
        self.assertEqual(self.content("ws/new/x"), b"hello")

    def test_chunked(self) -> None:
        wire = self.wire()
        wire.send(head("PUT", "/claudebox/files/ws/file.txt", _TOKEN, "Transfer-Encoding: chunked"))
        wire.send(b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n")
        self.assertEqual((wire.answer().status, self.content()), (200, b"abcde"))

    def test_nothing(self) -> None:
        self.assertEqual(self.json(self.ask("PUT", "/ws/file.txt"))["size"], 0)
        self.assertEqual(self.content(), b"")

    def test_a_body_that_is_too_large_is_not_read(self) -> None:
        wire = self.wire()
        lines = (_TOKEN, f"Content-Length: {_LIMIT + 1}", "Expect: 100-continue")
        wire.send(head("PUT", "/claudebox/files/ws/new/x", *lines))
        self.assertEqual(wire.statuses, [413])
        self.assertFalse((self.root / "ws/new").exists())
        self.assertEqual(self.ask("PUT", "/ws/x", body=b"x" * _LIMIT).status, 200)

    def test_a_chunked_body_that_becomes_too_large(self) -> None:
        wire = self.wire()
        wire.send(head("PUT", "/claudebox/files/ws/file.txt", _TOKEN, "Transfer-Encoding: chunked"))
        piece = b"x" * (_LIMIT // 2)
        for _ in range(3):
            wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.assertEqual(wire.answer().status, 413)
        self.assertEqual(self.content(), b"0123456789")

    def test_a_client_that_leaves_half_way(self) -> None:
        wire = self.wire()
        wire.send(
            head("PUT", "/claudebox/files/ws/file.txt", _TOKEN, "Content-Length: 10"), b"half"
        )
        wire.transport.reset()
        self.assertEqual((self.content(), wire.answers()), (b"0123456789", []))

    def test_a_refusal_comes_before_the_body(self) -> None:
        for path, status in (("ws/sub", 409), ("ws/file.txt/x", 409), ("ws/out/x", 400)):
            wire = self.wire()
            lines = (_TOKEN, "Content-Length: 10", "Expect: 100-continue")
            wire.send(head("PUT", f"/claudebox/files/{path}", *lines))
            self.assertEqual(wire.statuses, [status])


class DeleteTests(FileRoutesCase):
    def test_a_file_and_a_directory(self) -> None:
        for path in ("ws/file.txt", "ws"):
            answer = self.ask("DELETE", f"/{path}/")
            self.assertEqual(
                (answer.status, self.json(answer)), (200, {"status": "ok", "path": path})
            )
            self.assertFalse((self.root / path).exists())
            self.assertEqual(self.ask("DELETE", f"/{path}").status, 404)

    def test_the_root(self) -> None:
        self.assertEqual(self.ask("DELETE", "/ws/..").status, 400)
        self.assertEqual(self.content(), b"0123456789")


class ListTests(FileRoutesCase):
    def test_the_root(self) -> None:
        expected = {"path": "", "entries": [{"name": "ws", "type": "dir", "size": 0}]}
        for path in ("", "/", "/ws/..", "?x=1"):
            answer = self.ask("GET", path)
            self.assertEqual((answer.status, self.json(answer)), (200, expected), path)

    def test_a_directory(self) -> None:
        expected = [{"name": "file.txt", "type": "file", "size": 10},
                    {"name": "sub", "type": "dir", "size": 0}]  # fmt: skip
        for path in ("/ws", "/ws/"):
            answer = self.ask("GET", path)
            self.assertEqual(self.json(answer), {"path": "ws", "entries": expected})
        self.assertEqual(self.ask("HEAD", "/ws").field("Content-Length"), str(len(answer.body)))

    def test_what_is_not_there(self) -> None:
        for method in ("GET", "HEAD"):
            self.assertEqual(self.ask(method, "/no").status, 404)


class GetTests(FileRoutesCase):
    def test_a_file(self) -> None:
        answer = self.get()
        self.assertEqual((answer.status, answer.body), (200, b"0123456789"))
        for name, value in (("Content-Length", "10"), ("Content-Type", "text/plain"),
                            ("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff"),
                            ("Last-Modified", formatdate(_MTIME, usegmt=True)),
                            ("Content-Disposition", None),
                            ("Content-Security-Policy", None)):  # fmt: skip
            self.assertEqual(answer.field(name), value, name)

    def test_head_says_what_get_would(self) -> None:
        answer = self.ask("HEAD", "/ws/file.txt", "Range: bytes=1-2")
        names = ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges")
        whole = self.get()
        self.assertEqual(answer.status, 200)
        for name in names:
            self.assertEqual(answer.field(name), whole.field(name))

    def test_empty(self) -> None:
        self.put_file("ws/file.txt", b"")
        answer = self.get()
        self.assertEqual((answer.status, answer.field("Content-Length")), (200, "0"))
        self.assertEqual(self.get("Range: bytes=0-").status, 416)

    def test_what_could_script_our_origin_is_an_attachment(self) -> None:
        for name in ("a.html", "a.htm", "a.HTML", "a.svg", "a.xml", "a.xhtml", "a.rss"):
            self.put_file(f"ws/{name}", b"<script>")
            answer = self.get(path=f"/ws/{name}")
            self.assertEqual(answer.field("Content-Security-Policy"), "sandbox", name)
            self.assertEqual(answer.field("Content-Disposition"), "attachment", name)

    def test_large(self) -> None:
        data = os.urandom(3 * PIECE + 1)
        self.put_file("ws/large", data)
        self.assertEqual(self.get(path="/ws/large").body, data)

    def test_a_slow_client(self) -> None:
        self.put_file("ws/large", os.urandom(5 * PIECE))
        wire = self.wire()
        wire.transport.throttle()
        wire.send(get("/claudebox/files/ws/large", _TOKEN))
        self.assertLess(len(wire.transport.unsent), 2 * PIECE)
        while wire.transport.unsent:
            wire.transport.take(64 * 1024)
            self.assertLess(len(wire.transport.unsent), 2 * PIECE)
        self.assertEqual(wire.answer().body, self.content("ws/large"))

    def test_a_client_that_leaves(self) -> None:
        """While it is slow; and at any step of the threads' work."""
        self.put_file("ws/large", b"x" * 5 * PIECE)
        wire = self.wire()
        wire.transport.throttle()
        wire.send(get("/claudebox/files/ws/large", _TOKEN))
        self.assertEqual(self.descriptors(), self._descriptors + 1)
        wire.transport.reset()
        self.assertEqual(self.descriptors(), self._descriptors)
        for steps in range(3):  # it is opened, and closed; what is in memory needs no thread
            self.threads.held = True
            wire = self.wire()
            wire.send(get("/claudebox/files/ws/large", _TOKEN))
            for _ in range(steps):
                self.threads.work()
            wire.transport.reset()
            self.threads.work_off()
            self.assertEqual(self.descriptors(), self._descriptors, steps)

    def test_a_file_that_becomes_shorter_cuts_the_connection(self) -> None:
        self.put_file("ws/large", b"x" * 5 * PIECE)
        wire = self.wire()
        wire.transport.throttle()
        wire.send(get("/claudebox/files/ws/large", _TOKEN))
        os.truncate(self.root / "ws/large", PIECE)
        wire.transport.unchoke()
        self.assertTrue(wire.transport.aborted)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)


class RangeTests(FileRoutesCase):
    def test_ranges(self) -> None:
        for asked, first, last in (("0-0", 0, 0), ("2-5", 2, 5), ("5-", 5, 9), ("-3", 7, 9),
                                   ("0-99", 0, 9), ("-99", 0, 9), ("9-" + "9" * 30, 9, 9),
                                   ("-" + "9" * 30, 0, 9)):  # fmt: skip
            answer = self.get(f"Range: bytes={asked}")
            self.assertEqual(answer.status, 206, asked)
            self.assertEqual(answer.body, b"0123456789"[first : last + 1], asked)
            self.assertEqual(answer.field("Content-Range"), f"bytes {first}-{last}/10")
            self.assertEqual(answer.field("Content-Length"), str(last - first + 1))

    def test_ranges_that_are_not_there(self) -> None:
        for asked in ("10-", "10-20", "-0", "9" * 5000 + "-"):
            answer = self.get(f"Range: bytes={asked}")
            self.assertEqual((answer.status, answer.field("Content-Range")), (416, "bytes */10"))

    def test_fields_that_are_not_valid_or_not_taken_are_ignored(self) -> None:
        for asked in ("bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4",
                      "bytes 1-2", "bytes=1-2-3", ""):  # fmt: skip
            answer = self.get(f"Range: {asked}")
            self.assertEqual((answer.status, answer.body), (200, b"0123456789"), asked)

    def test_if_range(self) -> None:
        etag = self.get().field("ETag")
        for value, status in ((etag, 206), (formatdate(_MTIME, usegmt=True), 206),
                              ('"other"', 200), (f"W/{etag}", 200), ("*", 200), ("nonsense", 200),
                              (formatdate(_MTIME + 1, usegmt=True), 200)):  # fmt: skip
            answer = self.get("Range: bytes=1-2", f"If-Range: {value}")
            self.assertEqual(answer.status, status, value)
            self.assertEqual(answer.body, b"12" if status == 206 else b"0123456789")


class ConditionTests(FileRoutesCase):
    def test_if_none_match(self) -> None:
        etag = self.get().field("ETag")
        for value, status in ((etag, 304), (f"W/{etag}", 304), (f'"x", {etag}', 304), ("*", 304),
                              ('"x"', 200), (str(etag).strip('"'), 200), ("", 200)):  # fmt: skip
            for method in ("GET", "HEAD"):
                answer = self.ask(method, "/ws/file.txt", f"If-None-Match: {value}")
                self.assertEqual(answer.status, status, value)
                self.assertEqual(answer.field("ETag"), etag)
        self.put_file("ws/file.txt", b"9876543210!")
        self.assertEqual(self.get(f"If-None-Match: {etag}").body, b"9876543210!")

    def test_if_modified_since(self) -> None:
        for seconds, status in ((-1, 200), (0, 304), (1, 304)):
            date = formatdate(_MTIME + seconds, usegmt=True)
            self.assertEqual(self.get(f"If-Modified-Since: {date}").status, status)
            answer = self.get(f"If-Modified-Since: {date}", 'If-None-Match: "x"')
            self.assertEqual(answer.status, 200)
        self.assertEqual(self.get("If-Modified-Since: yesterday").status, 200)

    def test_a_304_goes_before_a_range(self) -> None:
        etag = self.get().field("ETag")
        answer = self.get(f"If-None-Match: {etag}", "Range: bytes=99-")
        self.assertEqual((answer.status, answer.body), (304, b""))
