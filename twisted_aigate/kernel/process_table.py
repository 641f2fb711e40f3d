"""
The processes of this machine, as C{/proc} shows them: told apart for good, found by a mark.

Synchronous: for threads. Source: proc(5), pidfd_open(2).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

_PROC = "/proc"
_ZOMBIES = (b"Z", b"X")
_KERNEL = 2
"""The process that the kernel's own threads are children of."""

_LOOKS = 20


@frozen
class ProcessIdentity:
    """
    One process, and none that gets its id later.

    @ivar pid: Its id.
    @ivar started: When it started, in clock ticks since the boot.
    @ivar boot: The boot's id.
    """

    pid: int
    started: int
    boot: str


@frozen
class _Entry:
    pid: int
    state: bytes
    parent: int
    group: int
    session: int
    started: int


def _boot() -> str:
    return Path(_PROC, "sys/kernel/random/boot_id").read_text("ascii").strip()


def _entry(pid: int) -> _Entry | None:
    try:
        with open(f"{_PROC}/{pid}/stat", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        # It is gone; or another user's, and /proc hides those.
        return None
    # The name, in parentheses, may hold anything.
    fields = text[text.rindex(b")") + 2 :].split()
    return _Entry(pid, fields[0], int(fields[1]), int(fields[2]), int(fields[3]), int(fields[19]))


def _entries() -> Iterator[_Entry]:
    for name in os.listdir(_PROC):
        if name.isdigit():
            entry = _entry(int(name))
            if entry is None or entry.state in _ZOMBIES or _KERNEL in (entry.pid, entry.parent):
                continue
            yield entry


def identify(pid: int) -> ProcessIdentity | None:
    """
    The identity of the process that has an id now.

    @return: C{None}: there is none, or it has ended and only waits to be reaped.
    """
    entry = _entry(pid)
    if entry is None or entry.state in _ZOMBIES:
        return None
    return ProcessIdentity(pid, entry.started, _boot())


def _environment(pid: int) -> bytes:
    try:
        with open(f"{_PROC}/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        # It is gone, or another user's.
        return b""


def _has_mark(pid: int, mark: bytes) -> bool:
    for _ in range(_LOOKS):
        environment = _environment(pid)
        if environment:
            return mark in environment.split(b"\0")
        # It has none, or is just becoming another program (execve(2)): then it has one soon.
        os.sched_yield()
    return False


def is_marked(identity: ProcessIdentity, variable: str, value: str) -> bool:
    """Whether a process is still there and was started with that environment variable."""
    mark = f"{variable}={value}".encode()
    return identify(identity.pid) == identity and _has_mark(identity.pid, mark)


def family(variable: str, value: str, since: int = 0) -> list[ProcessIdentity]:
    """
    The processes that have an environment variable, and those that belong to them.

    A process that was started without the variable belongs to them as their descendant, or as a
    member of one's process group or session.

    @param since: Clock ticks since the boot before which none of them can have started.
    """
    mark = f"{variable}={value}".encode()
    others = [entry for entry in _entries() if entry.started >= since]
    found: list[_Entry] = [entry for entry in others if _has_mark(entry.pid, mark)]
    more = found
    while more:
        pids = {entry.pid for entry in found}
        # A group or session bears the id of the process that began it.
        others = [entry for entry in others if entry.pid not in pids]
        more = [entry for entry in others if {entry.parent, entry.group, entry.session} & pids]
        found = [*found, *more]
    boot = _boot() if found else ""
    return [ProcessIdentity(entry.pid, entry.started, boot) for entry in found]


def memory_of_sessions(sessions: Iterable[int]) -> int:
    """
    The memory of all processes of some sessions, in bytes; what they share is shared out (PSS).

    @param sessions: The sessions' ids.
    """
    wanted = set(sessions)
    return sum(_pss(entry.pid) for entry in _entries() if entry.session in wanted)


def _pss(pid: int) -> int:
    try:
        with open(f"{_PROC}/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        # It is gone, or another user's.
        pass
    return 0


@contextlib.contextmanager
def opened(identity: ProcessIdentity) -> Iterator[int]:
    """
    A pidfd of a process, closed at the end.

    @raise ProcessLookupError: The process has ended.
    """
    descriptor = open_pidfd(identity)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def open_pidfd(identity: ProcessIdentity) -> int:
    """
    A pidfd of a process: readable once it has ended.

    @raise ProcessLookupError: The process has ended.
    """
    descriptor = os.pidfd_open(identity.pid)
    # Looked at only now: the descriptor keeps the id from meaning another process.
    if identify(identity.pid) != identity:
        os.close(descriptor)
        raise ProcessLookupError(identity.pid)
    return descriptor


def send_signal(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """
    Send a signal to a process, and to no other.

    @return: Whether it was there.
    """
    try:
        with opened(identity) as descriptor:
            signal.pidfd_send_signal(descriptor, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def wait_until_ended(processes: Iterable[ProcessIdentity], seconds: float) -> None:
    """Wait until all of some processes have ended, at most so long for each."""
    for process in processes:
        try:
            with opened(process) as descriptor:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll(seconds * 1000)
        except ProcessLookupError:
            continue
