"""The results of runs that are over, out of what they have left."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer

from twisted_aigate.claudebox.casing import camelled
from twisted_aigate.claudebox.command import RunFiles
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.records import (
    CANCELLED,
    COMPLETED,
    FAILED,
    STOPPED,
    TIMED_OUT,
    Outcome,
    RunRecord,
    RunTable,
)
from twisted_aigate.claudebox.remains import MOST_STDERR, Result, read_result, stderr_tail
from twisted_aigate.claudebox.transcript import TranscriptReader
from twisted_aigate.claudebox.turns import Turns
from twisted_aigate.kernel.database import Database
from twisted_aigate.kernel.producers import CoroutineProducer
from twisted_aigate.kernel.threads import Threads

_STATUSES = {FAILED: 502, TIMED_OUT: 504, CANCELLED: 410, STOPPED: 503}
_RETRY_AFTER = 5


class Results:
    """
    The results of an instance's runs.

    @param instance: The instance.
    @param table: Its runs in the database.
    @param database: The database.
    @param threads: Where files are read.
    """

    def __init__(
        self, instance: Instance, table: RunTable, database: Database, threads: Threads
    ) -> None:
        self._instance = instance
        self._table = table
        self._database = database
        self._threads = threads

    async def find(self, run_id: str) -> RunRecord:
        """
        A run that is kept.

        @raise ClaudeboxError: 404: there is none.
        """
        record = await self._database.read(partial(self._table.find, run_id=run_id))
        if record is None:
            raise ClaudeboxError(404, "There is no such run.")
        return record

    async def last_word(self, record: RunRecord) -> Result | None:
        """What Claude Code has printed at a run's end."""
        return await self._threads.run(read_result, self._instance.transcript(record.id))

    async def body(self, record: RunRecord, status: str | None = None) -> bytes | IBodyProducer:
        """
        The result of a run that was completed, as JSON.

        @param status: How the run stands, if that is to be in it.
        """
        result = await self.last_word(record)
        fields = {} if status is None else {"status": status}
        fields |= camelled({} if result is None else result.fields)
        fields |= {"runId": record.id, "workspace": record.workspace}
        encoded = msgspec.json.encode(fields)
        return self._with_turns(record, encoded) if record.verbose else encoded

    def _with_turns(self, record: RunRecord, encoded: bytes) -> IBodyProducer:
        # A long run's turns are too much to be held: they are written as they are read.
        reader = TranscriptReader(self._instance.transcript(record.id), self._threads)

        async def produce(producer: CoroutineProducer, write: Callable[[bytes], None]) -> None:
            write(encoded[:-1] + b',"turns":[')
            turns = Turns()
            separator = b""
            while lines := await reader.lines():
                made = filter(None, [turns.feed(line.text) for line in lines])
                for turn in made:
                    write(separator + msgspec.json.encode(turn))
                    separator = b","
                await producer.ready()
            last = turns.finish()
            if last is not None:
                write(separator + msgspec.json.encode(last))
            write(b"]}")

        return CoroutineProducer(UNKNOWN_LENGTH, produce)

    async def explain(self, record: RunRecord, outcome: Outcome) -> dict[str, Any]:
        """What can be told of a run that was not completed, beside why."""
        files = RunFiles(self._instance.runs / record.id)
        told: dict[str, Any] = {"runId": record.id, "workspace": record.workspace}
        if outcome.status == FAILED:
            told["exitCode"] = outcome.exit_code
            errors = await self._threads.run(stderr_tail, files.errors)
            # Cut when it is masked, so that no part of a secret is left at the cut.
            told["stderr"] = self._instance.masked(errors)[-MOST_STDERR:]
            result = await self.last_word(record)
            if result is not None:
                told["result"] = camelled(self._instance.masked_value(result.fields))
        return told

    async def failure(self, record: RunRecord, outcome: Outcome) -> ClaudeboxError:
        """A run that was not completed, as an error for who waits for its result."""
        told = await self.explain(record, outcome)
        return ClaudeboxError(
            _STATUSES[outcome.status],
            outcome.detail,
            retry_after=_RETRY_AFTER if outcome.status == STOPPED else None,
            extra={"status": public_status(outcome.status), **told},
        )


def public_status(status: str) -> str:
    """How callers know a status: C{completed}, C{failed} or C{cancelled}."""
    return status if status in (COMPLETED, CANCELLED) else FAILED
