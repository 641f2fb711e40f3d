"""
Files and directories beneath a root, with no way out of it.

Every component of a path is opened relative to its parent's descriptor and never through a symbolic
link: a link's target is read and walked by the same rules. So what others rename or link while a
path is walked may make the walk fail, but cannot lead it out.

All of this blocks; it is meant for threads. Paths are relative to the root.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat as modes
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from attrs import frozen

TEMPORARY = ".aigate-incoming-"
"""What the names of files that are being written begin with; L{scandir} leaves them out."""

_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW
_MOST_LINKS = 40
_NO_UNNAMED_FILES = (errno.EOPNOTSUPP, errno.EISDIR)
"""What a file system says that has no C{O_TMPFILE}."""


class OutsideRoot(Exception):
    """The path leads out of the root, or is none."""


@frozen
class Entry:
    """
    Something in a directory.

    @ivar status: Its own, or that of what it links to.
    """

    name: str
    status: os.stat_result


class _Walk:
    # Where a walk stands. Not all descriptors of the way are kept, which a deep path would make
    # many: a step up is checked by the identity of the directory that it came down from.

    def __init__(self, root: Path) -> None:
        self.names: list[str] = []
        self._above: list[tuple[int, int]] = []
        self._links = 0
        self.folder = os.open(root, os.O_PATH | os.O_DIRECTORY)

    def close(self) -> None:
        os.close(self.folder)

    def down(self, name: str, *, make: bool) -> None:
        try:
            below = os.open(name, _FOLDER, dir_fd=self.folder)
        except FileNotFoundError:
            if not make:
                raise
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=self.folder)
            below = os.open(name, _FOLDER, dir_fd=self.folder)
        self._above.append(_identity(self.folder))
        self.names.append(name)
        self._move(below)

    def up(self) -> None:
        if not self._above:
            raise OutsideRoot("the path leads out of the root")
        above = os.open("..", _FOLDER, dir_fd=self.folder)
        if _identity(above) != self._above.pop():
            os.close(above)
            raise OutsideRoot("a directory was moved while the path was walked")
        self.names.pop()
        self._move(above)

    def _move(self, folder: int) -> None:
        left, self.folder = self.folder, folder
        os.close(left)

    def target(self, name: str) -> str | None:
        # What a symbolic link points to; None for all else, and for what is not there.
        try:
            return os.readlink(name, dir_fd=self.folder)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):
                return None
            raise

    def splice(self, target: str, pending: deque[str]) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OutsideRoot("the path has too many symbolic links")
        pending.extendleft(reversed(_components(target)))


def _identity(folder: int) -> tuple[int, int]:
    status = os.fstat(folder)
    return status.st_dev, status.st_ino


def _components(path: str) -> list[str]:
    if path.startswith("/"):
        raise OutsideRoot("the path is absolute")
    try:
        if b"\0" in os.fsencode(path):
            raise OutsideRoot("the path has a NUL in it")
    except UnicodeEncodeError:
        raise OutsideRoot("the path has half of a surrogate pair in it") from None
    return [name for name in path.split("/") if name not in ("", ".")]


@contextmanager
def _walked(
    root: Path, path: str, *, make: bool = False, follow: bool = True
) -> Iterator[tuple[_Walk, str]]:
    # The directory that holds the last component, and that component; "." for the directory itself.
    # With follow it was no link a moment ago: whoever opens it must still say O_NOFOLLOW.
    walk = _Walk(root)
    try:
        pending = deque(_components(path))
        last = "."
        while pending:
            name = pending.popleft()
            if name == "..":
                walk.up()
                continue
            target = walk.target(name) if pending or follow else None
            if target is not None:
                walk.splice(target, pending)
            elif pending:
                walk.down(name, make=make)
            else:
                last = name
        yield walk, last
    finally:
        walk.close()


def stat(root: Path, path: str) -> os.stat_result:
    """
    The status of what is at a path.

    @raise OutsideRoot: It leads out.
    @raise OSError: There is nothing, say.
    """
    with _walked(root, path) as (walk, name):
        return os.stat(name, dir_fd=walk.folder, follow_symlinks=False)


def open_file(root: Path, path: str) -> FileIO:
    """
    Open a file for reading.

    @raise OutsideRoot: It leads out.
    @raise IsADirectoryError: It is a directory.
    @raise OSError: It is not there, or no regular file (C{ENXIO}), say.
    """
    # Without O_NONBLOCK, opening a pipe waits for a writer.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    with _walked(root, path) as (walk, name):
        descriptor = os.open(name, flags, dir_fd=walk.folder)
    try:
        mode = os.fstat(descriptor).st_mode
        if not modes.S_ISREG(mode):
            code = errno.EISDIR if modes.S_ISDIR(mode) else errno.ENXIO
            raise OSError(code, os.strerror(code), path)
        return FileIO(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def open_folder(root: Path, path: str, *, make: bool = False) -> tuple[int, str]:
    """
    Open a directory.

    @param make: Make it, and its parents, when they are not there.
    @return: Its descriptor, and its own path: no symbolic link is in it; empty for the root.
    @raise OutsideRoot: It leads out.
    @raise OSError: It is not there, or no directory, say.
    """
    with _walked(root, path, make=make) as (walk, name):
        if name != ".":
            walk.down(name, make=make)
        descriptor = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=walk.folder)
        return descriptor, "/".join(walk.names)


def scandir(root: Path, path: str) -> list[Entry]:
    """
    What is in a directory, in no order.

    Symbolic links are what they point to; left out when that is outside or nothing.

    @raise OutsideRoot: It leads out.
    @raise OSError: It is not there, or no directory, say.
    """
    descriptor, own_path = open_folder(root, path)
    found = []
    try:
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.name.startswith(TEMPORARY):
                    continue
                # Others may remove it meanwhile.
                with suppress(OSError, OutsideRoot):
                    if entry.is_symlink():
                        status = stat(root, f"{own_path}/{entry.name}".lstrip("/"))
                    else:
                        status = entry.stat(follow_symlinks=False)
                    found.append(Entry(entry.name, status))
    finally:
        os.close(descriptor)
    return found


def remove(root: Path, path: str) -> None:
    """
    Remove a file, a symbolic link (not what it points to), or a directory and all that is in it.

    @raise OutsideRoot: It leads out, or is the root, or ends in C{..}.
    @raise OSError: It is not there, say.
    """
    with _walked(root, path, follow=False) as (walk, name):
        if name == ".":
            raise OutsideRoot("only what the path names can be removed")
        try:
            os.unlink(name, dir_fd=walk.folder)
        except IsADirectoryError:
            while _is_there(walk.folder, name):
                # Others may remove some of it meanwhile.
                with suppress(FileNotFoundError):
                    shutil.rmtree(name, dir_fd=walk.folder)


def _is_there(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def create(root: Path, path: str) -> NewFile:
    """
    Begin a file that will be at a path, in place of the one that may be there; make its parents.

    @raise OutsideRoot: It leads out.
    @raise IsADirectoryError: A directory is there.
    @raise OSError: There is no room, say.
    """
    with _walked(root, path, make=True) as (walk, name):
        mode = None
        with suppress(FileNotFoundError):
            there = os.stat(name, dir_fd=walk.folder, follow_symlinks=False).st_mode
            if modes.S_ISDIR(there):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            if modes.S_ISREG(there):
                mode = there & 0o777
        folder = os.open(".", os.O_PATH | os.O_DIRECTORY, dir_fd=walk.folder)
    try:
        return NewFile(folder, name, mode)
    except BaseException:
        os.close(folder)
        raise


class NewFile:
    """
    A file that is being written; see L{create}.

    It has no name before it is complete where the file system can do that, and so a crash leaves
    nothing; elsewhere it is a temporary file beside its target.

    @param folder: The descriptor of the directory that it will be in; closed with it.
    @param name: What it will be called there.
    @param mode: Its permissions; C{None}: as for any new file.
    """

    def __init__(self, folder: int, name: str, mode: int | None) -> None:
        self._folder = folder
        self._name = name
        self._mode = mode
        self._temporary = TEMPORARY + uuid.uuid4().hex
        self._named = False
        self._size = 0
        try:
            self._descriptor = os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o644, dir_fd=folder)
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            self._descriptor = os.open(self._temporary, flags, 0o644, dir_fd=folder)
            self._named = True

    def write(self, data: bytes) -> None:
        """Append C{data}."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._size += len(data)

    def commit(self) -> int:
        """
        Put it in its place, at once; nothing is left of it when that fails.

        @return: How many bytes it has.
        """
        try:
            if self._mode is not None:
                os.fchmod(self._descriptor, self._mode)
            if not self._named:
                # An unnamed file cannot take another's place: it has a name for a moment.
                source = f"/proc/self/fd/{self._descriptor}"
                os.link(source, self._temporary, dst_dir_fd=self._folder, follow_symlinks=True)
                self._named = True
            os.rename(self._temporary, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            self._named = False
        finally:
            self.discard()
        return self._size

    def discard(self) -> None:
        """Drop it; nothing to do when it is in its place."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor < 0:
            return
        try:
            os.close(descriptor)
            if self._named:
                with suppress(FileNotFoundError):
                    os.unlink(self._temporary, dir_fd=self._folder)
        finally:
            os.close(self._folder)
