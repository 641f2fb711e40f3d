"""A folder that one process has for itself."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import BinaryIO


class FolderInUse(Exception):
    """Another process has the folder."""


def lock_folder(folder: Path) -> BinaryIO:
    """
    Take a folder for this process, until it ends or the file is closed.

    @return: The open lock file.
    @raise FolderInUse: Another process has it.
    """
    file = (folder / "lock").open("ab")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise FolderInUse(f"{folder} is in use by another process") from None
    return file
