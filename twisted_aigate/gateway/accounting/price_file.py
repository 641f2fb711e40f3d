"""Where the table of the library's prices is kept, from one start to the next."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import msgspec
from twisted.internet.interfaces import IReactorTime

from twisted_aigate.gateway.accounting import price_library
from twisted_aigate.gateway.accounting.price_table import PriceTable
from twisted_aigate.kernel.processes import (
    ChildProcess,
    ProcessReactor,
    minimal_environment,
    spawn,
)
from twisted_aigate.kernel.threads import Threads
from twisted_aigate.kernel.units import MINUTE

_FORMAT = 1
"""Another one for another L{PriceTable}."""

_LONGEST = 1 * MINUTE


class PriceFile:
    """
    The table of the library that is installed: it is made once, by a process of its own.

    @param reactor: Starts that one, and ends it when it takes a minute.
    @param threads: Where the file is read and written.
    @param environment: This process's environment.
    @param folder: Where it is kept; may not be there yet.
    """

    def __init__(
        self,
        reactor: ProcessReactor,
        threads: Threads,
        environment: Mapping[str, str],
        folder: Path,
    ) -> None:
        self._reactor = reactor
        self._threads = threads
        self._environment = environment
        self._path = folder / f"genai-prices-{version('genai-prices')}-{_FORMAT}.json"

    async def load(self) -> PriceTable:
        """
        The table; the first time it takes a second.

        @raise OSError: It can neither be made nor kept.
        """
        table = await self._threads.run(self._read)
        if table is None:
            made = await self._make()
            table = PriceTable(made)
            await self._threads.run(self._write, made)
        return table

    def _read(self) -> PriceTable | None:
        # What was cut off by a crash is made anew.
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            return PriceTable(self._path.read_bytes())
        return None

    def _write(self, table: bytes) -> None:
        folder = self._path.parent
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("genai-prices-*"):
            old.unlink()
        self._path.write_bytes(table)

    async def _make(self) -> bytes:
        child = _Maker(self._reactor)
        environment = minimal_environment(self._environment)
        if "PYTHONPATH" in self._environment:
            environment["PYTHONPATH"] = self._environment["PYTHONPATH"]
        command = (sys.executable, "-P", "-m", price_library.__name__)
        spawn(self._reactor, child, command, environment)
        late = self._reactor.callLater(_LONGEST, child.kill)
        try:
            ended = await child.ended
        except BaseException:
            child.kill()
            raise
        finally:
            if late.active():
                late.cancel()
        if child.exit_code != 0:
            raise OSError(f"the library of prices: {ended}: {child.stderr_tail}")
        return b"".join(child.output)


class _Maker(ChildProcess):
    """Makes the table."""

    def __init__(self, clock: IReactorTime) -> None:
        super().__init__(clock)
        self.output: list[bytes] = []

    def outReceived(self, data: bytes) -> None:
        """See L{ChildProcess}."""
        self.output.append(data)
