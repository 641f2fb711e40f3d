"""Files of workspaces: whole or not at all, inside, and nothing left open."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IConsumer
from twisted.trial.unittest import SynchronousTestCase

from tests.support.streams import HandFed, RecordingConsumer
from tests.support.threads import HeldThreads
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.files import Files, IsADirectory, OpenFile
from twisted_aigate.kernel import beneath
from twisted_aigate.kernel.beneath import TEMPORARY
from twisted_aigate.kernel.offload import HIGH_WATER


class Upload(HandFed):
    """A body that the test feeds."""

    def __init__(self) -> None:
        super().__init__()
        self.cancelled = False
        self.done = Deferred(self._cancelled)

    def _cancelled(self, _: object) -> None:
        self.cancelled = True

    def deliver(self, consumer: IConsumer) -> Deferred[None]:
        consumer.registerProducer(self, True)
        return self.startProducing(consumer)


def whole(data: bytes) -> Callable[[IConsumer], Deferred[None]]:
    """A body that is here already."""

    def deliver(consumer: IConsumer) -> Deferred[None]:
        consumer.write(data)
        return succeed(None)

    return deliver


class FilesCase(SynchronousTestCase):
    """Has a root with a workspace, C{ws}, and looks for open files in the end."""

    def setUp(self) -> None:
        self.top = Path(self.mktemp())
        self.root = self.top / "root"
        (self.root / "ws/sub").mkdir(parents=True)
        (self.root / "ws/file.txt").write_bytes(b"hello")
        (self.top / "outside").mkdir()
        (self.top / "outside/file").write_bytes(b"secret")
        (self.root / "ws/out").symlink_to("../../outside")
        self.threads: Any = HeldThreads()
        self.files = Files(self.root, self.threads)
        self._descriptors = self.descriptors()
        self.addCleanup(self._look_for_leaks)

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def _look_for_leaks(self) -> None:
        self.threads.work_off()
        self.assertEqual(self.descriptors(), self._descriptors)
        self.assertEqual((self.top / "outside/file").read_bytes(), b"secret")
        litter = [name for _, _, files in os.walk(self.top) for name in files
                  if name.startswith(TEMPORARY)]  # fmt: skip
        self.assertEqual(litter, [])

    def result(self, coroutine: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def refused(self, status: int, coroutine: Any) -> None:
        error: Any = self.failureResultOf(Deferred.fromCoroutine(coroutine), ClaudeboxError)
        self.assertEqual(error.value.status, status, error.value.detail)

    def write(self, path: str, data: bytes = b"new") -> Any:
        return self.files.write(path, whole(data))

    def content(self, path: str = "ws/file.txt") -> bytes:
        return (self.root / path).read_bytes()


class RefusalTests(FilesCase):
    def test_ways_out(self) -> None:
        (self.root / "ws/circle").symlink_to("circle")
        (self.root / "ws/secret").symlink_to("../../outside/file")
        for path in ("../outside/file", "ws/../../outside/file", "/etc/passwd", "ws/out/file",
                     "ws/circle/x", "ws/a\0b", "ws/" + "x" * 256, "ws/" + "ü" * 128,
                     "y/" * 600, "ws/\ud800", f"ws/{TEMPORARY}x"):  # fmt: skip
            with self.subTest(path):
                self.refused(400, self.files.open(path))
                self.refused(400, self.files.list(path))
                self.refused(400, self.files.delete(path))
                self.refused(400, self.write(path))
        for path in ("ws/out", "ws/circle", "ws/secret"):
            self.refused(400, self.files.open(path))
            self.refused(400, self.files.list(path))
            self.refused(400, self.write(path))

    def test_what_is_not_there(self) -> None:
        for path in ("no", "no/file", "ws/no", "ws/sub/no", "ws/file.txt/no"):
            self.refused(404, self.files.open(path))
            self.refused(404, self.files.delete(path))
        for path in ("no", "ws/no"):
            self.refused(404, self.files.list(path))

    def test_the_wrong_kind(self) -> None:
        os.mkfifo(self.root / "ws/pipe")
        self.refused(409, self.files.open("ws"))
        self.refused(409, self.files.open(""))
        self.refused(409, self.files.open("ws/pipe"))
        self.refused(409, self.files.list("ws/file.txt"))
        for path in ("", "ws", "ws/sub", "ws/sub/", "ws/file.txt/more"):
            self.refused(409, self.write(path))
        self.failureResultOf(Deferred.fromCoroutine(self.files.open("ws/sub")), IsADirectory)

    def test_the_root_is_not_removed(self) -> None:
        for path in ("", ".", "ws/.."):
            self.refused(400, self.files.delete(path))
        self.assertEqual(self.content(), b"hello")

    def test_what_the_server_may_not_access(self) -> None:
        def denied(*_: Any) -> None:
            raise PermissionError(errno.EACCES, "no")

        self.patch(beneath, "open_file", denied)
        self.refused(403, self.files.open("ws/file.txt"))

    def test_a_disk_that_breaks_is_no_refusal(self) -> None:
        def broken(*_: Any) -> None:
            raise OSError(errno.EIO, "broken")

        self.patch(beneath, "open_file", broken)
        opening = Deferred.fromCoroutine(self.files.open("ws/file.txt"))
        self.failureResultOf(opening, OSError)


class WriteTests(FilesCase):
    def test_in_pieces(self) -> None:
        upload = Upload()
        writing = Deferred.fromCoroutine(self.files.write("ws/file.txt", upload.deliver))
        for piece in (b"ne", b"", b"w"):
            upload.feed(piece)
        self.assertEqual(self.content(), b"hello")
        self.assertNotIn("new", [e.name for e in self.result(self.files.list("ws")).entries])
        upload.done.callback(None)
        self.assertEqual(self.successResultOf(writing), 3)
        self.assertEqual(self.content(), b"new")

    def test_parents_are_made(self) -> None:
        for path in ("w/a/b/c", "alone", "ws//x/./y", "ws/sub/../z", "ws/😀/ü", "w/" + "x" * 255):
            self.assertEqual(self.result(self.write(path, path.encode())), len(path.encode()))
            self.assertEqual(self.content(path), path.encode())

    def test_empty(self) -> None:
        self.assertEqual(self.result(self.write("ws/file.txt", b"")), 0)
        self.assertEqual(self.content(), b"")

    def test_a_body_that_stops_half_way(self) -> None:
        upload = Upload()
        writing = Deferred.fromCoroutine(self.files.write("ws/file.txt", upload.deliver))
        upload.feed(b"ne")
        upload.done.errback(ConnectionError())
        self.failureResultOf(writing, ConnectionError)
        self.assertEqual(self.content(), b"hello")

    def test_a_body_that_is_refused_at_once(self) -> None:
        error = RuntimeError()
        writing = Deferred.fromCoroutine(self.files.write("ws/file.txt", lambda _: fail(error)))
        self.failureResultOf(writing, RuntimeError)
        self.assertEqual(self.content(), b"hello")

    def test_cancelled_at_any_point(self) -> None:
        """Whatever the threads do in that moment; what is complete may still be put in place."""
        for point in range(6):
            (self.root / "ws/file.txt").write_bytes(b"hello")
            self.threads.held = True
            upload = Upload()
            writing = Deferred.fromCoroutine(self.files.write("ws/file.txt", upload.deliver))
            if point > 0:
                self.threads.work_off()
            if point > 1:
                upload.feed(b"ne")
            if point > 2:
                self.threads.work_off()
            if point > 3:
                upload.done.callback(None)
            if point > 4:
                self.threads.work()
            writing.addErrback(lambda failure: failure.trap(CancelledError))
            writing.cancel()
            self.threads.work_off()
            self.assertEqual(upload.cancelled, 0 < point < 4, point)
            self.assertEqual(self.content(), b"ne" if point > 3 else b"hello", point)
            self.assertEqual(self.descriptors(), self._descriptors, point)

    def test_a_full_disk(self) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        for name in ("write", "link", "mkdir"):
            patched = self.patch(beneath.os, name, full)
            upload = Upload()
            path = "ws/new/file" if name == "mkdir" else "ws/file.txt"
            writing = Deferred.fromCoroutine(self.files.write(path, upload.deliver))
            if upload.consumer is not None:
                upload.feed(b"new")
                if not upload.cancelled:
                    upload.done.callback(None)
            error: Any = self.failureResultOf(writing, ClaudeboxError).value
            self.assertEqual((name, error.status), (name, 507))
            self.assertEqual(self.content(), b"hello")
            patched.restore()

    def test_its_directory_goes_away_meanwhile(self) -> None:
        upload = Upload()
        writing = Deferred.fromCoroutine(self.files.write("ws/sub/new", upload.deliver))
        self.result(self.files.delete("ws"))
        upload.done.callback(None)
        error: Any = self.failureResultOf(writing, ClaudeboxError).value
        self.assertEqual(error.status, 409)
        self.assertEqual(os.listdir(self.root), [])

    def test_backpressure(self) -> None:
        upload = Upload()
        writing = Deferred.fromCoroutine(self.files.write("ws/file.txt", upload.deliver))
        self.threads.held = True
        for size in (1, HIGH_WATER, 1):
            upload.feed(b"x" * size)
        self.assertEqual(upload.calls, ["start", "pause"])
        self.threads.work()
        self.assertEqual(upload.calls, ["start", "pause", "resume"])
        self.threads.work_off()
        upload.done.callback(None)
        self.threads.work_off()
        self.assertEqual(self.successResultOf(writing), HIGH_WATER + 2)

    def test_two_at_once(self) -> None:
        """The one that is complete last stays; the other was whole."""
        first, second = Upload(), Upload()
        writing = [Deferred.fromCoroutine(self.files.write("ws/file.txt", upload.deliver))
                   for upload in (first, second)]  # fmt: skip
        first.feed(b"first")
        second.feed(b"second")
        second.done.callback(None)
        self.assertEqual(self.content(), b"second")
        first.done.callback(None)
        self.assertEqual(self.content(), b"first")
        self.assertEqual([self.successResultOf(each) for each in writing], [5, 6])


class ReadTests(FilesCase):
    def open(self, path: str = "ws/file.txt") -> OpenFile:
        found = self.result(self.files.open(path))
        assert isinstance(found, OpenFile)
        return found

    def etag(self) -> str:
        found = self.open()
        found.close()
        return found.etag

    def test_what_is_known_of_it(self) -> None:
        os.utime(self.root / "ws/file.txt", (1.5, 1.5))
        found = self.open("ws/sub/../file.txt/")
        self.assertEqual((found.size, found.modified, found.content_type), (5, 1.5, "text/plain"))
        found.close()

    def test_media_types(self) -> None:
        for name, expected in (("a.html", "text/html"), ("a.svg", "image/svg+xml"),
                               ("a.png", "image/png"), ("a.json", "application/json"),
                               ("a.tar.gz", "application/octet-stream"),
                               ("a", "application/octet-stream")):  # fmt: skip
            self.result(self.write(f"ws/{name}"))
            found = self.open(f"ws/{name}")
            found.close()
            self.assertEqual(found.content_type, expected)

    def test_its_bytes(self) -> None:
        for start, size, expected in ((0, 5, b"hello"), (1, 3, b"ell"), (5, 0, b"")):
            consumer = RecordingConsumer()
            body = self.open().body(start, size)
            self.successResultOf(body.startProducing(consumer))
            self.assertEqual(consumer.data, expected)

    def test_etag(self) -> None:
        first = self.etag()
        self.assertEqual(self.etag(), first)
        self.result(self.write("ws/file.txt", b"hello"))
        second = self.etag()
        self.assertNotEqual(second, first)
        os.utime(self.root / "ws/file.txt", ns=(0, 1))
        self.assertNotEqual(self.etag(), second)

    def test_replaced_while_it_is_read(self) -> None:
        found = self.open()
        self.result(self.write("ws/file.txt"))
        consumer = RecordingConsumer()
        self.successResultOf(found.body(0, 5).startProducing(consumer))
        self.assertEqual(consumer.data, b"hello")

    def test_cancelled_while_it_is_opened(self) -> None:
        """The thread opens it all the same; then it is closed."""
        opened: list[FileIO] = []
        open_file = beneath.open_file

        def remembered(root: Path, path: str) -> FileIO:
            opened.append(open_file(root, path))
            return opened[-1]

        self.patch(beneath, "open_file", remembered)
        self.threads.held = True
        opening = Deferred.fromCoroutine(self.files.open("ws/file.txt"))
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.threads.work_off()
        self.assertTrue(opened[0].closed)

    def test_cancelled_while_it_is_not_found(self) -> None:
        self.threads.held = True
        opening = Deferred.fromCoroutine(self.files.open("ws/no"))
        opening.cancel()
        self.failureResultOf(opening, CancelledError)
        self.threads.work_off()


class ListTests(FilesCase):
    def listed(self, path: str) -> list[tuple[str, str, int]]:
        listing = self.result(self.files.list(path))
        return [(entry.name, entry.type, entry.size) for entry in listing.entries]

    def test_by_name(self) -> None:
        for name in ("b", "a", "Z", "😀", ".hidden"):
            (self.root / "ws/sub" / name).touch()
        names = [name for name, _, _ in self.listed("ws/sub")]
        self.assertEqual(names, [".hidden", "Z", "a", "b", "😀"])

    def test_files_directories_and_links(self) -> None:
        (self.root / "ws/inner").symlink_to("sub")
        (self.root / "ws/other.txt").symlink_to("file.txt")
        (self.root / "ws/nothing").symlink_to("nowhere")
        os.mkfifo(self.root / "ws/pipe")
        (self.root / "ws" / (TEMPORARY + "1")).touch()
        expected = [("file.txt", "file", 5), ("inner", "dir", 0), ("other.txt", "file", 5),
                    ("sub", "dir", 0)]  # fmt: skip
        self.assertEqual(self.listed("ws"), expected)
        (self.root / "ws" / (TEMPORARY + "1")).unlink()

    def test_the_root(self) -> None:
        for path in ("", ".", "ws/.."):
            listing = self.result(self.files.list(path))
            self.assertEqual((listing.path, [e.name for e in listing.entries]), ("", ["ws"]))

    def test_its_path_is_in_its_shortest_form(self) -> None:
        self.assertEqual(self.result(self.files.list("ws//sub/")).path, "ws/sub")

    def test_a_name_that_is_not_utf_8(self) -> None:
        os.mkdir(os.fsencode(self.root / "ws/sub") + b"/\xff")
        self.assertEqual(self.listed("ws/sub"), [("\ufffd", "dir", 0)])


class DeleteTests(FilesCase):
    def test_a_file(self) -> None:
        self.result(self.files.delete("ws/file.txt"))
        self.assertEqual(sorted(os.listdir(self.root / "ws")), ["out", "sub"])

    def test_a_link_is_not_followed(self) -> None:
        self.result(self.files.delete("ws/out"))
        self.assertEqual(os.listdir(self.top / "outside"), ["file"])

    def test_a_directory_with_all_in_it(self) -> None:
        self.result(self.write("ws/sub/deep/er"))
        self.result(self.files.delete("ws"))
        self.assertEqual(os.listdir(self.root), [])
        self.assertEqual(os.listdir(self.top / "outside"), ["file"])
