"""Being told that a file has grown, at once and without asking: inotify(7)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from twisted.internet.inotify import IN_MODIFY, INotify, INotifyError
from twisted.internet.interfaces import IReactorFDSet
from twisted.python.filepath import FilePath


class FolderWatch:
    """
    Watches the files in a folder.

    The folder and not its files: who takes a watched file away takes the watch away with it.

    @param reactor: Reads what the kernel tells.
    @param folder: The folder.
    """

    def __init__(self, reactor: IReactorFDSet, folder: Path) -> None:
        self._reactor = reactor
        self._folder = folder
        self._notify: INotify | None = None
        self._subscribers: dict[str, list[Callable[[], None]]] = {}

    def start(self) -> None:
        """
        Watch from now on.

        @raise OSError: The kernel has no watch left to give.
        """
        try:
            notify = INotify(self._reactor)
            notify.startReading()
            notify.watch(FilePath(str(self._folder)), IN_MODIFY, callbacks=[self._changed])
        except INotifyError as error:
            raise OSError(str(error)) from None
        self._notify = notify

    def stop(self) -> None:
        """Watch no more."""
        self._subscribers.clear()
        if self._notify is not None:
            self._notify.loseConnection()
            self._notify = None

    def subscribe(self, name: str, changed: Callable[[], None]) -> Callable[[], None]:
        """
        Be told of a file's changes.

        @param name: The file's name in the folder.
        @param changed: Called after each one, or once after several.
        @return: Ends it.
        """
        self._subscribers.setdefault(name, []).append(changed)

        def end() -> None:
            subscribers = self._subscribers.get(name, [])
            if changed in subscribers:
                subscribers.remove(changed)
            if not subscribers:
                self._subscribers.pop(name, None)

        return end

    def _changed(self, watch: object, path: FilePath[bytes], mask: int) -> None:
        for changed in list(self._subscribers.get(path.basename().decode("utf-8", "replace"), ())):
            changed()
