"""A conversation's document and images, as files of a workspace for as long as a run needs them."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from threading import Lock

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_aigate.claudebox.openai.conversation import DOCUMENT, Conversation
from twisted_aigate.claudebox.openai.images import Fetch, extension, image_content
from twisted_aigate.kernel.threads import Threads

PREFIX = ".aigate-"
"""What the folders' names begin with."""


class ConversationFolder:
    """
    A hidden folder of its own in a workspace.

    After a crash it is left behind; nothing depends on its being gone.

    @param workspace: Where it is made.
    @param threads: Where it is written.
    @ivar name: Its path, relative to the workspace.
    """

    def __init__(self, workspace: Path, threads: Threads) -> None:
        self.name = PREFIX + uuid.uuid4().hex
        self._folder = workspace / self.name
        self._threads = threads
        # A thread may still write when its caller has left and asked for the folder's removal.
        self._lock = Lock()
        self._removed = False
        self._log = Logger()

    async def save(self, conversation: Conversation, fetch: Fetch) -> str:
        """
        Write a conversation's files, if it has any. If that fails, or is cancelled, none is left.

        @param fetch: Fetches the images that are linked.
        @return: The folder's path, relative to the workspace.
        @raise ClaudeboxError: 400: an image is not to be had.
        """
        if conversation.text is not None:
            return self.name
        try:
            names = []
            # One after the other: no more than one is in memory.
            for number, image in enumerate(conversation.images, 1):
                content = await image_content(image, fetch)
                names.append(f"image-{number}.{extension(content)}")
                await self._threads.run(self._write, names[-1], content)
            document = conversation.document(names) or ""
            await self._threads.run(self._write, DOCUMENT, document.encode("utf-8"))
        except Exception:
            await self.remove()
            raise
        return self.name

    def remove_soon(self) -> None:
        """Remove the folder, if there is one, with nobody waiting for it."""
        removing = Deferred.fromCoroutine(self.remove())
        removing.addErrback(lambda failure: self._log.failure("a folder is left behind", failure))

    async def remove(self) -> None:
        """Remove the folder, if there is one; it is not made again."""
        try:
            await self._threads.run(self._remove)
        except OSError:
            self._log.failure("the folder {name} could not be removed", name=self.name)

    def _write(self, name: str, content: bytes) -> None:
        with self._lock:
            if self._removed:
                return
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._folder / name, flags, 0o600), "wb") as file:
                file.write(content)

    def _remove(self) -> None:
        with self._lock:
            self._removed = True
            if self._folder.exists():
                shutil.rmtree(self._folder)
