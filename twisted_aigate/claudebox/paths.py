"""Paths as callers give them: relative, with slashes, and what the file system says of them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.kernel.beneath import TEMPORARY, OutsideRoot

_MOST_BYTES = 1024
_MOST_BYTES_OF_A_NAME = 255


def normalised(path: str) -> str:
    """
    A path in its shortest form, by its text alone.

    C{.}, empty components and a slash at the end are left out, C{..} takes the component before it
    away.

    @return: Empty for the root.
    @raise ClaudeboxError: 400: it is absolute, leads out, is too long or no path at all.
    """
    if path.startswith("/"):
        raise ClaudeboxError(400, "The path must be relative.")
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise ClaudeboxError(400, "The path is not valid Unicode.") from None
    if b"\0" in encoded:
        raise ClaudeboxError(400, "The path must not have a NUL in it.")
    if len(encoded) > _MOST_BYTES:
        raise ClaudeboxError(400, f"The path is longer than {_MOST_BYTES} bytes.")
    names: list[str] = []
    for name in path.split("/"):
        if len(name.encode("utf-8")) > _MOST_BYTES_OF_A_NAME:
            message = f"A name in the path is longer than {_MOST_BYTES_OF_A_NAME} bytes."
            raise ClaudeboxError(400, message)
        if name.startswith(TEMPORARY):
            raise ClaudeboxError(400, f"Names that begin with {TEMPORARY} are reserved.")
        if name == "..":
            if not names:
                raise ClaudeboxError(400, "The path leads out of the workspaces.")
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    return "/".join(names)


@contextmanager
def refusals(path: str, *, missing: int = 404, not_a_directory: int = 404) -> Iterator[None]:
    """
    Have what the file system refuses become an error for the caller.

    @param path: What it is about.
    @param missing: The status when something is not there.
    @param not_a_directory: The status when something else is where a directory should be.
    @raise ClaudeboxError: In place of the C{OSError}s that a caller can do something about.
    """
    try:
        yield
    except OutsideRoot as error:
        raise ClaudeboxError(400, f"{path!r} is not in the workspaces: {error}.") from None
    except OSError as error:
        refusal = {
            errno.ENOENT: (missing, "is not there"),
            errno.ENOTDIR: (not_a_directory, "is not there: a part of it is no directory"),
            errno.EISDIR: (409, "is a directory"),
            errno.ENXIO: (409, "is no regular file"),
            errno.ENOTEMPTY: (409, "is being written to"),
            errno.ELOOP: (400, "was replaced by a symbolic link meanwhile"),
            errno.ENAMETOOLONG: (400, "is too long"),
            errno.EACCES: (403, "may not be accessed by the server"),
            errno.EPERM: (403, "may not be accessed by the server"),
            errno.ENOSPC: (507, "does not fit: the disk is full"),
            errno.EDQUOT: (507, "does not fit: the disk is full"),
        }.get(error.errno or 0)
        if refusal is None:
            raise
        status, reason = refusal
        raise ClaudeboxError(status, f"{path!r} {reason}.") from None
