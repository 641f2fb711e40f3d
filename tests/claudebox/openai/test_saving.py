"""A conversation's files in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.claudebox.openai.pictures import JPEG, PNG, Fetcher
from tests.support.threads import HeldThreads
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.openai.conversation import Conversation
from twisted_aigate.claudebox.openai.images import CarriedImage, LinkedImage
from twisted_aigate.claudebox.openai.saving import ConversationFolder
from twisted_aigate.http_client.guarded import FetchFailed

URL = "http://images.test/a"
LINKED = Conversation(None, pieces=("Lööks: ", CarriedImage(PNG), " ", LinkedImage(URL)))


class SavingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.workspace = Path(self.mktemp())
        self.workspace.mkdir()
        self.threads = HeldThreads()
        self.fetcher = Fetcher()
        self.folder = ConversationFolder(self.workspace, cast(Any, self.threads))

    def save(self, conversation: Conversation = LINKED) -> Deferred[str]:
        return Deferred.fromCoroutine(self.folder.save(conversation, self.fetcher))

    def remove(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.folder.remove())

    def left(self) -> list[str]:
        return [path.name for path in self.workspace.rglob("*")]

    def test_files(self) -> None:
        self.fetcher.answers[URL] = JPEG
        name = self.successResultOf(self.save())
        self.assertRegex(name, r"^\.aigate-[0-9a-f]{32}$")
        files = {path.name: path.read_bytes() for path in (self.workspace / name).iterdir()}
        document = "Lööks: [Image: image-1.png] [Image: image-2.jpg]".encode()
        self.assertEqual(
            files, {"image-1.png": PNG, "image-2.jpg": JPEG, "conversation.md": document}
        )

    def test_removed(self) -> None:
        self.fetcher.answers[URL] = JPEG
        self.successResultOf(self.save())
        (self.workspace / "kept").touch()
        for _ in range(2):
            self.successResultOf(self.remove())
            self.assertEqual(self.left(), ["kept"])

    def test_folders_are_each_their_own(self) -> None:
        other = ConversationFolder(self.workspace, cast(Any, self.threads))
        self.assertNotEqual(self.folder.name, other.name)

    def test_a_prompt_has_no_files(self) -> None:
        self.successResultOf(self.save(Conversation("system", "hi")))
        self.assertEqual(self.left(), [])
        self.successResultOf(self.remove())

    def test_a_failure_leaves_nothing(self) -> None:
        self.fetcher.answers[URL] = FetchFailed("no")
        self.failureResultOf(self.save(), ClaudeboxError)
        self.assertEqual(self.left(), [])

    def test_a_workspace_that_is_gone(self) -> None:
        self.workspace.rmdir()
        self.failureResultOf(self.save(), FileNotFoundError)

    def test_cancelling_leaves_nothing(self) -> None:
        cancelled: list[object] = []
        self.fetcher.answers[URL] = Deferred(cancelled.append)
        saving = self.save()
        self.assertEqual(len(self.left()), 2)
        saving.cancel()
        self.failureResultOf(saving, CancelledError)
        self.assertEqual(len(cancelled), 1)
        self.assertEqual(self.left(), [])

    def test_cancelling_while_a_thread_writes_leaves_nothing(self) -> None:
        self.threads.held = True
        saving = self.save()
        saving.cancel()
        # The threads may come to it in any order.
        self.assertEqual(len(self.threads), 2)
        self.threads._queue.reverse()
        self.threads.work_off()
        self.failureResultOf(saving, CancelledError)
        self.assertEqual(self.left(), [])

    def test_what_cannot_be_removed_is_told(self) -> None:
        self.fetcher.answers[URL] = JPEG
        name = self.successResultOf(self.save())
        # A link in its place is not followed, and not taken for it.
        (self.workspace / name).rename(self.workspace / "moved")
        (self.workspace / name).symlink_to("moved")
        self.successResultOf(self.remove())
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(len(list((self.workspace / "moved").iterdir())), 3)
