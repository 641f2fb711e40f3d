"""Processes under test: started in sessions of their own, watched through C{/proc}, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.common.console import say

HOST = "127.0.0.1"
_TICKS = os.sysconf("SC_CLK_TCK")
_TRACEBACK = "Traceback (most recent call last)"
_SESSION, _USER_TIME, _SYSTEM_TIME = 3, 11, 12
"""Fields of C{/proc/PID/stat}, counted from the one after the command's name."""


class Unusable(Exception):
    """Something cannot be had or does not work; the text says what, in a line."""


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def bare_environment(home: Path, **variables: str) -> dict[str, str]:
    """An environment with nothing of ours in it but the search path, and these variables."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        **variables,
    }


class Child:
    """
    A process and all that it starts, in a session of its own; a context manager that ends it.

    @param name: What messages call it.
    @param command: The program and its arguments.
    @param folder: Its working folder; what it prints goes to C{log} there.
    @param environment: All of its environment; C{None}: ours.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log"
        with self.log.open("ab") as log:
            self.started_at = time.perf_counter()
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        """Be ended at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.end()

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """Its exit status; C{None} while it runs."""
        return self._process.poll()

    def ends_within(self, seconds: float) -> bool:
        """Whether it has ended, or does so by itself that soon."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self.exit_status is not None

    def check_alive(self) -> None:
        """
        See whether it still runs.

        @raise Unusable: It has ended.
        """
        if self.exit_status is not None:
            raise Unusable(
                f"{self.name} ended with status {self.exit_status} while it was measured; "
                f"the bench had not told it to: {self.last_words()}"
            )

    def tracebacks(self) -> list[str]:
        """What is wrong by its log: one line that says how many tracebacks are in it, or none."""
        count = self.log.read_text("utf-8", "replace").count(_TRACEBACK)
        return [f"{count:,} tracebacks in its log"] if count else []

    def last_words(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8", "replace")[-2000:]

    def _stats(self) -> Iterator[tuple[int, list[str]]]:
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            with suppress(OSError):
                text = Path(entry.path, "stat").read_text("utf-8", "replace")
                fields = text.rpartition(")")[2].split()
                if int(fields[_SESSION]) == self._process.pid:
                    yield int(entry.name), fields

    def resident(self) -> int:
        """Resident bytes, summed over its processes; pages that they share count for each."""
        total = 0
        for pid, _ in self._stats():
            with suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Rss:"):
                        total += int(line.split()[1]) * 1024
        return total

    def cpu_seconds(self) -> float:
        """Processor seconds that its processes have used."""
        return sum(
            (int(fields[_USER_TIME]) + int(fields[_SYSTEM_TIME])) / _TICKS
            for _, fields in self._stats()
        )

    def settle(self, most: float = 15.0) -> None:
        """Wait until it has nothing left to do, for C{most} seconds at most."""
        deadline = time.monotonic() + most
        while time.monotonic() < deadline:
            before = self.cpu_seconds()
            time.sleep(0.5)
            if self.cpu_seconds() - before < 0.03:
                return

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def end(self, grace: float = 10.0) -> None:
        """End it and all that it has started; by force when it takes longer than C{grace}."""
        if self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(grace)
            except subprocess.TimeoutExpired:
                say(f"{self.name} was still there {grace:g} s after SIGTERM: killed")
        self._signal(signal.SIGKILL)
        self._process.wait()
