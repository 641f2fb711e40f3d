"""Paths beneath a root: whatever they say and whatever changes meanwhile, nothing leads out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel import beneath
from twisted_aigate.kernel.beneath import TEMPORARY, OutsideRoot

_OUT = ("..", "a/../..", "a/../../outside", "../root/a", "/", "/etc/passwd", "a\0b", "a/\ud800")


def _read(root: Path, path: str) -> bytes:
    with beneath.open_file(root, path) as file:
        return file.read()


def _write(root: Path, path: str, data: bytes = b"new") -> None:
    new = beneath.create(root, path)
    new.write(data)
    new.commit()


def _open_folder(root: Path, path: str, make: bool = False) -> str:
    descriptor, own_path = beneath.open_folder(root, path, make=make)
    os.close(descriptor)
    return own_path


def _scan(root: Path, path: str) -> list[str]:
    return sorted(entry.name for entry in beneath.scandir(root, path))


class BeneathCase(SynchronousTestCase):
    """
    Has a root, and a secret outside of it.

    @ivar uses: Everything that can be done with a path.
    """

    def setUp(self) -> None:
        top = Path(self.mktemp())
        self.root = top / "root"
        self.outside = top / "outside"
        (self.root / "a" / "b").mkdir(parents=True)
        (self.root / "a" / "file").write_bytes(b"inside")
        self.outside.mkdir()
        (self.outside / "file").write_bytes(b"secret")
        self.uses: list[Callable[[Path, str], Any]] = [
            beneath.stat, _read, _write, _open_folder, _scan, beneath.remove,
            lambda root, path: _open_folder(root, path, make=True),
        ]  # fmt: skip
        self._descriptors = self.descriptors()
        self.addCleanup(self._look_for_leaks)

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def _look_for_leaks(self) -> None:
        self.assertEqual(self.descriptors(), self._descriptors)
        self.assertEqual(os.listdir(self.outside), ["file"])
        self.assertEqual((self.outside / "file").read_bytes(), b"secret")

    def link(self, name: str, target: str) -> None:
        (self.root / name).symlink_to(target)

    def in_steps(self, name: str, before: Callable[[str], None]) -> None:
        """Have C{before} called with the path before every C{os.<name>} of the module."""
        function = getattr(os, name)

        def stepped(path: Any, *args: Any, **kwargs: Any) -> Any:
            before(path)
            return function(path, *args, **kwargs)

        self.patch(beneath.os, name, stepped)


class RefusedTests(BeneathCase):
    def test_a_path_out_is_refused_whatever_is_asked(self) -> None:
        for path in _OUT:
            for use in self.uses:
                with self.subTest(path=path, use=use):
                    self.assertRaises(OutsideRoot, use, self.root, path)

    def test_a_link_out_is_refused_whatever_is_asked(self) -> None:
        self.link("up", "../outside")
        self.link("absolute", str(self.outside.absolute()))
        self.link("inside_but_absolute", str((self.root / "a").absolute()))
        self.link("a/up", "../../outside")
        self.link("hop", "a/up")
        self.link("file", "../outside/file")
        for path in ("up/file", "absolute/file", "inside_but_absolute/file", "a/up/file",
                     "hop/file", "up/new/file", "a/b/../up/file"):  # fmt: skip
            for use in self.uses:
                with self.subTest(path=path, use=use):
                    self.assertRaises(OutsideRoot, use, self.root, path)
        for path in ("up", "absolute", "hop", "file"):
            for use in self.uses:
                if use is not beneath.remove:
                    with self.subTest(path=path, use=use):
                        self.assertRaises(OutsideRoot, use, self.root, path)

    def test_links_in_a_circle_are_refused(self) -> None:
        self.link("one", "two")
        self.link("two", "one")
        self.link("self", "self/self")
        for path in ("one", "two/x", "self", "self/x"):
            for use in self.uses:
                if use is not beneath.remove or "/" in path:
                    with self.subTest(path=path, use=use):
                        self.assertRaises(OutsideRoot, use, self.root, path)

    def test_forty_links_are_followed_and_no_more(self) -> None:
        self.link("link0", "a")
        for number in range(1, 41):
            self.link(f"link{number}", f"link{number - 1}")
        self.assertEqual(_read(self.root, "link39/file"), b"inside")
        self.assertRaises(OutsideRoot, _read, self.root, "link40/file")

    def test_the_root_cannot_be_removed_or_replaced(self) -> None:
        for path in ("", ".", "a/..", "a/b/../.."):
            self.assertRaises(OutsideRoot, beneath.remove, self.root, path)
            self.assertRaises(IsADirectoryError, _write, self.root, path)
        self.assertEqual(_read(self.root, "a/file"), b"inside")


class SwappedTests(BeneathCase):
    """What others do between two steps of a walk."""

    def _swap(self) -> None:
        if not (self.root / "a").is_symlink():
            os.rename(self.root / "a", self.root / "moved")
            self.link("a", "../outside")

    def _swap_back(self) -> None:
        if (self.root / "a").is_symlink():
            (self.root / "a").unlink()
            os.rename(self.root / "moved", self.root / "a")

    def test_a_directory_that_becomes_a_link_before_it_is_opened(self) -> None:
        self.in_steps("open", lambda path: self._swap() if path == "a" else None)
        for use in self.uses:
            with self.subTest(use=use):
                self.assertRaises(NotADirectoryError, use, self.root, "a/file")
            self._swap_back()

    def test_a_file_that_becomes_a_link_before_it_is_opened(self) -> None:
        def swap(path: str) -> None:
            if path == "file":
                (self.root / "a/file").unlink()
                self.link("a/file", "../../outside/file")

        self.in_steps("open", swap)
        error = self.assertRaises(OSError, _read, self.root, "a/file")
        self.assertEqual(error.errno, errno.ELOOP)

    def test_a_file_that_becomes_a_link_before_it_is_replaced(self) -> None:
        new = beneath.create(self.root, "a/file")
        (self.root / "a/file").unlink()
        self.link("a/file", "../../outside/file")
        new.write(b"new")
        new.commit()
        self.assertFalse((self.root / "a/file").is_symlink())
        self.assertEqual((self.root / "a/file").read_bytes(), b"new")

    def test_a_directory_that_becomes_a_link_before_it_is_removed(self) -> None:
        def swap(path: Any, **_: Any) -> None:
            raised = IsADirectoryError(errno.EISDIR, "it was one")
            self._swap()
            raise raised

        self.patch(beneath.os, "unlink", swap)
        self.assertRaises(OSError, beneath.remove, self.root, "a")

    def test_a_directory_that_is_moved_away_is_not_a_way_out(self) -> None:
        """The C{..} of a directory that lies outside by now would be outside."""

        def move(path: str) -> None:
            if path == ".." and (self.root / "a/b").exists():
                os.rename(self.root / "a/b", self.outside / "b")

        self.in_steps("open", move)
        self.assertRaises(OutsideRoot, _read, self.root, "a/b/../file")
        os.rmdir(self.outside / "b")

    def test_a_race(self) -> None:
        """Ten thousand walks while a directory is a link out half of the time."""
        self.link("evil", "../outside")
        ended = Event()

        def swap() -> None:
            while not ended.is_set():
                # Both names change places in one step.
                os.rename(self.root / "a", self.root / "kept")
                os.rename(self.root / "evil", self.root / "a")
                os.rename(self.root / "a", self.root / "evil")
                os.rename(self.root / "kept", self.root / "a")

        swapping = Thread(target=swap)
        swapping.start()
        seen: set[str] = set()
        try:
            for _ in range(10_000):
                try:
                    seen.add(_read(self.root, "a/file").decode())
                except (OutsideRoot, FileNotFoundError, NotADirectoryError) as error:
                    seen.add(type(error).__name__)
        finally:
            ended.set()
            swapping.join()
        self.assertIn("inside", seen)
        self.assertNotIn("secret", seen)


class FollowedTests(BeneathCase):
    """Links that stay inside."""

    def setUp(self) -> None:
        super().setUp()
        self.link("inner", "a/b")
        self.link("a/b/back", "../../a/file")
        self.link("a/here", ".")
        self.link("a/top", "..")

    def test_they_are_followed(self) -> None:
        for path in ("a/file", "inner/../file", "inner/back", "a/b/back", "a/here/here/file",
                     "a/top/a/file", "./a//./file", "a/file/", "a/b/../../a/file"):  # fmt: skip
            with self.subTest(path):
                self.assertEqual(_read(self.root, path), b"inside")
                self.assertEqual(beneath.stat(self.root, path).st_size, 6)

    def test_a_directory_has_one_path(self) -> None:
        for path in ("inner", "a/b", "a/here/b", "a/top/inner", "a/b/../b"):
            self.assertEqual(_open_folder(self.root, path), "a/b", path)
        for path in ("", ".", "a/top", "a/.."):
            self.assertEqual(_open_folder(self.root, path), "", path)

    def test_the_root_itself_may_be_a_link(self) -> None:
        other = self.root.parent / "other"
        other.symlink_to("root")
        self.assertEqual(_read(other, "a/file"), b"inside")

    def test_what_a_link_points_to_is_replaced(self) -> None:
        _write(self.root, "inner/back")
        self.assertTrue((self.root / "a/b/back").is_symlink())
        self.assertEqual((self.root / "a/file").read_bytes(), b"new")

    def test_a_link_to_nothing_is_made_where_it_points(self) -> None:
        self.link("later", "c/d/file")
        self.link("folder", "e")
        _write(self.root, "later")
        self.assertEqual((self.root / "c/d/file").read_bytes(), b"new")
        self.assertEqual(_open_folder(self.root, "folder/f", make=True), "e/f")

    def test_a_link_is_removed_and_not_what_it_points_to(self) -> None:
        self.link("out", "../outside")
        for name in ("inner", "out"):
            beneath.remove(self.root, name)
            self.assertFalse(os.path.lexists(self.root / name))
        self.assertEqual(_read(self.root, "a/b/back"), b"inside")


class OpenTests(BeneathCase):
    def test_what_is_no_regular_file(self) -> None:
        os.mkfifo(self.root / "pipe")
        self.assertRaises(IsADirectoryError, beneath.open_file, self.root, "a")
        self.assertRaises(IsADirectoryError, beneath.open_file, self.root, "")
        error = self.assertRaises(OSError, beneath.open_file, self.root, "pipe")
        self.assertEqual(error.errno, errno.ENXIO)

    def test_what_is_not_there(self) -> None:
        for use in (beneath.stat, _read, _open_folder, _scan, beneath.remove):
            for path in ("b", "b/c", "a/b/c"):
                self.assertRaises(FileNotFoundError, use, self.root, path)
            self.assertRaises(NotADirectoryError, use, self.root, "a/file/c")
        self.assertRaises(FileNotFoundError, _read, self.root, "b/../a/file")

    def test_names_of_any_length_and_letter(self) -> None:
        for name in ("x" * 255, "😀" * 63, "a\\..\\b", "…", " ", "\n", "-rf", "%2e%2e"):
            with self.subTest(name):
                _write(self.root, f"a/{name}", name.encode())
                self.assertEqual(_read(self.root, f"a/{name}"), name.encode())
        for use in self.uses:
            error = self.assertRaises(OSError, use, self.root, "x" * 256)
            self.assertEqual(error.errno, errno.ENAMETOOLONG)

    def test_a_deep_path_takes_few_descriptors(self) -> None:
        deep = "/".join("d" * 400)
        seen: list[int] = []
        self.in_steps("open", lambda _: seen.append(self.descriptors()))
        self.assertEqual(_open_folder(self.root, deep, make=True), deep)
        self.assertEqual(_open_folder(self.root, deep + "/.." * 399), "d")
        self.assertLess(max(seen), self.descriptors() + 5)


class MakeTests(BeneathCase):
    def test_parents_are_made(self) -> None:
        self.assertEqual(_open_folder(self.root, "n/e/w", make=True), "n/e/w")
        self.assertEqual(stat.S_IMODE((self.root / "n/e/w").stat().st_mode) & 0o022, 0)
        self.assertEqual(_open_folder(self.root, "n/e/w", make=True), "n/e/w")

    def test_a_directory_that_another_makes_meanwhile(self) -> None:
        mkdir = os.mkdir

        def second(name: str, *args: Any, **kwargs: Any) -> None:
            mkdir(name, *args, **kwargs)
            mkdir(name, *args, **kwargs)

        self.patch(beneath.os, "mkdir", second)
        self.assertEqual(_open_folder(self.root, "n", make=True), "n")

    def test_a_file_in_the_way(self) -> None:
        for path in ("a/file", "a/file/b"):
            self.assertRaises(NotADirectoryError, beneath.open_folder, self.root, path, make=True)


class ScandirTests(BeneathCase):
    def test_links_are_what_they_point_to(self) -> None:
        self.link("file", "a/file")
        self.link("folder", "a/b")
        self.link("out", "../outside")
        self.link("nothing", "nowhere")
        self.link("circle", "circle")
        self.link("up", "a/../../outside/file")
        found = {entry.name: entry.status for entry in beneath.scandir(self.root, "")}
        self.assertEqual(sorted(found), ["a", "file", "folder"])
        self.assertEqual(found["file"].st_size, 6)
        self.assertTrue(stat.S_ISDIR(found["folder"].st_mode))

    def test_links_below(self) -> None:
        self.link("a/b/back", "../file")
        self.link("inner", "a/b")
        self.assertEqual(_scan(self.root, "inner"), ["back"])

    def test_files_being_written_are_not_shown(self) -> None:
        (self.root / "a" / (TEMPORARY + "1")).touch()
        self.assertEqual(_scan(self.root, "a"), ["b", "file"])

    def test_what_goes_away_meanwhile_is_left_out(self) -> None:
        self.link("a/link", "file")
        self.in_steps("readlink", lambda path: (self.root / "a/file").unlink(missing_ok=True))
        self.assertEqual(_scan(self.root, "a")[0], "b")
        self.assertNotIn("link", _scan(self.root, "a"))


class RemoveTests(BeneathCase):
    def test_a_directory_goes_with_all_in_it(self) -> None:
        self.link("a/b/out", "../../../outside")
        beneath.remove(self.root, "a")
        self.assertEqual(os.listdir(self.root), [])

    def test_others_remove_some_of_it_meanwhile(self) -> None:
        for number in range(10):
            (self.root / f"a/b/{number}").touch()
        unlink = os.unlink
        raced: list[str] = []

        def first(path: str, **kwargs: Any) -> None:
            if path.isdigit() and not raced:
                raced.append(path)
                unlink(path, **kwargs)
            unlink(path, **kwargs)

        self.patch(beneath.os, "unlink", first)
        beneath.remove(self.root, "a")
        self.assertEqual((os.listdir(self.root), len(raced)), ([], 1))


class CreateTests(BeneathCase):
    """With unnamed files; L{NamedCreateTests} is the same without them."""

    named = False

    def names(self) -> list[str]:
        """What there is, with what is not shown."""
        return sorted(os.listdir(self.root / "a"))

    def test_nothing_changes_before_it_is_complete(self) -> None:
        new = beneath.create(self.root, "a/file")
        new.write(b"ne")
        new.write(b"w")
        self.assertEqual(_read(self.root, "a/file"), b"inside")
        self.assertEqual(_scan(self.root, "a"), ["b", "file"])
        self.assertEqual(len(self.names()), 3 if self.named else 2)
        self.assertEqual(new.commit(), 3)
        self.assertEqual(_read(self.root, "a/file"), b"new")
        self.assertEqual(self.names(), ["b", "file"])

    def test_a_reader_keeps_what_it_has(self) -> None:
        with beneath.open_file(self.root, "a/file") as file:
            _write(self.root, "a/file")
            self.assertEqual(file.read(), b"inside")

    def test_discarded(self) -> None:
        new = beneath.create(self.root, "a/file")
        new.write(b"new")
        new.discard()
        new.discard()
        self.assertEqual(self.names(), ["b", "file"])
        self.assertEqual(_read(self.root, "a/file"), b"inside")

    def test_discarded_after_it_was_put_in_its_place(self) -> None:
        new = beneath.create(self.root, "a/file")
        new.commit()
        new.discard()
        self.assertEqual(_read(self.root, "a/file"), b"")

    def test_a_directory_in_its_place(self) -> None:
        self.assertRaises(IsADirectoryError, beneath.create, self.root, "a/b")
        new = beneath.create(self.root, "a/c")
        (self.root / "a/c").mkdir()
        self.assertRaises(IsADirectoryError, new.commit)
        self.assertEqual(self.names(), ["b", "c", "file"])

    def test_its_directory_goes_away_meanwhile(self) -> None:
        new = beneath.create(self.root, "a/b/c")
        beneath.remove(self.root, "a/b")
        self.assertRaises(FileNotFoundError, new.commit)
        self.assertEqual(self.names(), ["file"])

    def test_permissions(self) -> None:
        (self.root / "a/file").chmod(0o750)
        for path in ("a/file", "a/new"):
            _write(self.root, path)
        old, new = (stat.S_IMODE((self.root / f"a/{name}").stat().st_mode)
                    for name in ("file", "new"))  # fmt: skip
        self.assertEqual(old, 0o750)
        umask = os.umask(0)
        os.umask(umask)
        self.assertEqual(new, 0o644 & ~umask)

    def test_a_disk_that_is_full(self) -> None:
        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "full")

        self.patch(beneath.os, "write", full)
        new = beneath.create(self.root, "a/file")
        self.assertRaises(OSError, new.write, b"new")
        new.discard()
        self.patch(beneath.uuid, "uuid4", full)
        self.assertRaises(OSError, beneath.create, self.root, "a/file")
        self.assertEqual(self.names(), ["b", "file"])

    def test_all_of_it_is_written(self) -> None:
        write = os.write
        self.patch(beneath.os, "write", lambda to, data: write(to, data[:7]))
        _write(self.root, "a/file", b"x" * 100)
        self.assertEqual(_read(self.root, "a/file"), b"x" * 100)


class NamedCreateTests(CreateTests):
    """On a file system without unnamed files."""

    named = True

    def setUp(self) -> None:
        super().setUp()
        opened = os.open

        def without_unnamed(path: str, flags: int, *args: Any, **kwargs: Any) -> int:
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, "not supported")
            return opened(path, flags, *args, **kwargs)

        self.patch(beneath.os, "open", without_unnamed)
