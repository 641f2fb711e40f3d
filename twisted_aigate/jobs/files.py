"""
The bodies of jobs: a folder for each, with what was sent and what was answered.

All of this blocks; it is meant for threads.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path

_REQUEST = "request"
_RESPONSE = "response"


class SyncedFile:
    """
    A file that is written from its beginning, and on stable storage when it is finished.

    @param path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def write(self, data: bytes) -> None:
        """Write some more; what an earlier server has left there goes with the first of it."""
        view = memoryview(data)
        file = self._open()
        while view:
            view = view[file.write(view) or 0 :]

    def finish(self) -> None:
        """There is no more: put it on stable storage."""
        file = self._open()
        os.fsync(file.fileno())
        self.close()
        _sync_folder(self._path.parent)

    def close(self) -> None:
        """Let go of it."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> FileIO:
        if self._file is None:
            self._file = FileIO(self._path, "w")
        return self._file


class JobFiles:
    """
    The folder of all jobs.

    @param folder: It is made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self) -> None:
        """Make the folder; what people ask is theirs."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def make(self, job_id: str) -> None:
        """Make a job's folder."""
        (self._folder / job_id).mkdir(mode=0o700)
        _sync_folder(self._folder)

    def request(self, job_id: str) -> SyncedFile:
        """What was sent, to be written."""
        return SyncedFile(self._folder / job_id / _REQUEST)

    def response(self, job_id: str) -> SyncedFile:
        """What is answered, to be written."""
        return SyncedFile(self._folder / job_id / _RESPONSE)

    def open_request(self, job_id: str) -> tuple[FileIO, int]:
        """What was sent, and how many bytes that is."""
        return _open(self._folder / job_id / _REQUEST)

    def open_response(self, job_id: str) -> tuple[FileIO, int]:
        """
        What was answered, and how many bytes that is.

        @raise FileNotFoundError: The job is forgotten.
        """
        return _open(self._folder / job_id / _RESPONSE)

    def drop_request(self, job_id: str) -> None:
        """Remove what was sent: it is not needed when the job is over."""
        with suppress(FileNotFoundError):
            (self._folder / job_id / _REQUEST).unlink()

    def remove(self, job_ids: Iterable[str]) -> None:
        """Remove jobs' folders."""
        for job_id in job_ids:
            shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def there(self) -> list[str]:
        """The jobs that have folders."""
        return os.listdir(self._folder)


def _open(path: Path) -> tuple[FileIO, int]:
    file = FileIO(path)
    return file, os.fstat(file.fileno()).st_size


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
