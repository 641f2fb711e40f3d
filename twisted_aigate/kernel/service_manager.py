"""
What started us is told how we are: systemd, or another that speaks its protocol.

Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

from twisted.internet.endpoints import _SystemdParser
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_MICROSECONDS = 1_000_000


class ServiceManager:
    """
    Tells it; where nobody asks, nothing.

    @param environment: Where C{NOTIFY_SOCKET} and C{WATCHDOG_USEC} are.
    @param pid: Our own.
    @param clock: Where the next sign of life waits.
    """

    _log = Logger()

    def __init__(self, environment: Mapping[str, str], pid: int, clock: IReactorTime) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._clock = clock
        self._pause = _watchdog_seconds(environment, pid) / 2
        self._next: IDelayedCall | None = None

    def ready(self) -> None:
        """We serve, from now on or again; signs of life follow as often as they are wanted."""
        self._tell("READY=1")
        if self._pause and self._next is None:
            self._live()

    def reloading(self) -> None:
        """We take on another configuration; L{ready} ends that."""
        now = int(time.clock_gettime(time.CLOCK_MONOTONIC) * _MICROSECONDS)
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}")

    def stopping(self) -> None:
        """We stop."""
        self._tell("STOPPING=1")

    def stop(self) -> None:
        """We have stopped: give no sign of life any more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _live(self) -> None:
        # A reactor that is blocked gives none.
        self._tell("WATCHDOG=1")
        self._next = self._clock.callLater(self._pause, self._live)

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.setblocking(False)
            try:
                told.sendto("\n".join(lines).encode("ascii"), self._address)
            except OSError as error:
                self._log.warn(
                    "the service manager cannot be told {what}: {error}",
                    what=lines[0],
                    error=str(error),
                )


def _address(text: str) -> str:
    # The abstract namespace is written with an at sign.
    return f"\0{text[1:]}" if text.startswith("@") else text


def _watchdog_seconds(environment: Mapping[str, str], pid: int) -> float:
    """How often a sign of life is wanted at the least; 0: not at all."""
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return 0.0
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / _MICROSECONDS if text.isascii() and text.isdigit() else 0.0


def given_sockets() -> list[str]:
    """
    The listening sockets that we were started with, as Twisted's descriptions of their endpoints.

    Source: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
    """
    # Twisted took them, and their variables out of the environment, when it was imported.
    descriptors = _SystemdParser._sddaemon.inheritedDescriptors()
    families = map(_family, descriptors)
    return [f"systemd:domain={family}:index={index}" for index, family in enumerate(families)]


def _family(descriptor: int) -> str:
    with socket.socket(fileno=os.dup(descriptor)) as given:
        return given.family.name.removeprefix("AF_")
