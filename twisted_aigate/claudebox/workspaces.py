"""The directories that Claude Code works in."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.paths import normalised, refusals
from twisted_aigate.kernel import beneath
from twisted_aigate.kernel.threads import Threads

DEFAULT = "default"
"""The workspace of those who name none."""


@frozen
class Workspace:
    """
    A directory to work in.

    @ivar name: Its path below the root, free of symbolic links: two names of one directory are one
        workspace.
    @ivar path: Where it is.
    """

    name: str
    path: Path


class Workspaces:
    """
    All workspaces of an instance.

    @param root: The directory that they are in; it is there already.
    @param threads: Where the disk is asked.
    """

    def __init__(self, root: Path, threads: Threads) -> None:
        self._root = root
        self._threads = threads

    async def resolve(self, name: str | None, *, make: bool = True) -> Workspace:
        """
        Find a workspace.

        @param name: A path below the root; C{None} or empty: the default workspace.
        @param make: Make its directory when it is not there.
        @raise ClaudeboxError: 404: it is not there, and is not to be made.
        @raise ClaudeboxError: 400: it leads out, is the root itself, or no directory can be there.
        """
        wanted = normalised(name or DEFAULT)
        if wanted:
            with refusals(wanted, missing=400 if make else 404, not_a_directory=400):
                wanted = await self._threads.run(self._open, wanted, make)
        if not wanted:
            raise ClaudeboxError(400, "A workspace is a directory below the root, not the root.")
        return Workspace(wanted, self._root / wanted)

    def _open(self, name: str, make: bool) -> str:
        descriptor, own_path = beneath.open_folder(self._root, name, make=make)
        os.close(descriptor)
        return own_path
