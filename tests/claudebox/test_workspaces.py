"""Workspaces: one directory is one workspace, and none lies outside."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.support.threads import HeldThreads
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.workspaces import Workspace, Workspaces
from twisted_aigate.kernel.beneath import TEMPORARY


class WorkspacesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.top = Path(self.mktemp())
        self.root = self.top / "root"
        self.root.mkdir(parents=True)
        (self.top / "outside").mkdir()
        self.threads: Any = HeldThreads()
        self.workspaces = Workspaces(self.root, self.threads)
        self._descriptors = os.listdir("/proc/self/fd")

    def resolve(self, name: str | None) -> Workspace:
        resolving = Deferred.fromCoroutine(self.workspaces.resolve(name))
        found: Workspace = self.successResultOf(resolving)
        self.assertTrue(found.path.is_dir())
        return found

    def refused(self, name: str) -> str:
        resolving = Deferred.fromCoroutine(self.workspaces.resolve(name))
        error: Any = self.failureResultOf(resolving, ClaudeboxError).value
        self.assertEqual(error.status, 400, name)
        self.assertEqual(os.listdir("/proc/self/fd"), self._descriptors)
        return str(error.detail)

    def test_the_default(self) -> None:
        for name in (None, "", "default"):
            self.assertEqual(self.resolve(name), Workspace("default", self.root / "default"))

    def test_made_when_it_is_not_there(self) -> None:
        for name in ("a", "b/c/d", "😀/ü x", "-rf", "x" * 255, "a\\b", "..a", "%2e%2e"):
            self.assertEqual(self.resolve(name), Workspace(name, self.root / name))
        self.assertEqual((self.root / "a").stat().st_mode & 0o022, 0)
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(self._descriptors))

    def test_one_name_in_many_spellings(self) -> None:
        for name in ("a/b", "a/b/", "./a/b", "a//b", "a/./b", "a/x/../b", "x/../a/b/."):
            self.assertEqual(self.resolve(name).name, "a/b", name)
        self.assertEqual(sorted(os.listdir(self.root)), ["a"])

    def test_links_inside_are_other_names(self) -> None:
        self.resolve("real/deep")
        (self.root / "link").symlink_to("real")
        (self.root / "real/deep/link").symlink_to("../../link/deep")
        for name in ("link/deep", "real/deep/link", "real/deep/link/link"):
            self.assertEqual(
                self.resolve(name), Workspace("real/deep", self.root / "real/deep"), name
            )
        self.assertEqual(self.resolve("link/new").name, "real/new")

    def test_ways_out(self) -> None:
        (self.root / "up").symlink_to("../outside")
        (self.root / "absolute").symlink_to((self.top / "outside").absolute())
        (self.root / "circle").symlink_to("circle")
        for name in ("..", "a/../..", "../root/a", "/", "/etc", "//etc", str(self.top.absolute()),
                     "up", "up/x", "absolute", "absolute/x", "circle", "circle/x"):  # fmt: skip
            self.refused(name)
        self.assertEqual(os.listdir(self.top / "outside"), [])

    def test_the_root_is_none(self) -> None:
        (self.root / "self").symlink_to(".")
        for name in (".", "./", "a/..", "self", "self/self"):
            self.assertIn("not the root", self.refused(name))

    def test_what_is_no_path(self) -> None:
        for name in ("a\0b", "\0", "\ud800", "x" * 256, "ü" * 128, "x/" * 513, "../" * 400,
                     TEMPORARY + "x", f"a/{TEMPORARY}/b"):  # fmt: skip
            self.refused(name)
        self.assertEqual(self.resolve("x/" * 512).name, "x/" * 511 + "x")

    def test_a_file_in_the_way(self) -> None:
        (self.root / "file").touch()
        for name in ("file", "file/x"):
            self.refused(name)

    def test_the_disk_is_asked_in_a_thread(self) -> None:
        self.threads.held = True
        resolving = Deferred.fromCoroutine(self.workspaces.resolve("a"))
        self.assertNoResult(resolving)
        self.assertEqual(os.listdir(self.root), [])
        self.threads.work_off()
        self.assertEqual(self.successResultOf(resolving).name, "a")
