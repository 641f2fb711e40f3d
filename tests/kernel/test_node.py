"""The name of a machine's share of a database."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.kernel.node import node_name


class NodeTests(SynchronousTestCase):
    def folder(self) -> Path:
        folder = Path(self.mktemp())
        folder.mkdir()
        return folder

    def test_it_stays(self) -> None:
        folder = self.folder()
        name = node_name(folder)
        self.assertRegex(name, r"\A[0-9a-f]{32}\Z")
        self.assertEqual(node_name(folder), name)
        self.assertEqual(os.listdir(folder), ["node"])

    def test_each_folder_has_its_own(self) -> None:
        self.assertNotEqual(node_name(self.folder()), node_name(self.folder()))

    def test_one_that_the_operator_wrote(self) -> None:
        folder = self.folder()
        (folder / "node").write_text(" left-hand \n")
        self.assertEqual(node_name(folder), "left-hand")

    def test_another_process_is_first(self) -> None:
        folder = self.folder()
        link = os.link

        def late(source: Path, target: Path) -> None:
            target.write_text("theirs\n")
            link(source, target)

        self.patch(os, "link", late)
        self.assertEqual(node_name(folder), "theirs")
        self.assertEqual(os.listdir(folder), ["node"])
