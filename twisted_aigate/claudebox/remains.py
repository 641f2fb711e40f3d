"""What an ended run has left: processes, a result, an explanation. For threads."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import msgspec
from attrs import frozen

from twisted_aigate.claudebox.instance import RUN_VARIABLE
from twisted_aigate.claudebox.records import COMPLETED, FAILED, Outcome
from twisted_aigate.claudebox.transcript import find_result
from twisted_aigate.kernel.process_table import (
    ProcessIdentity,
    family,
    identify,
    send_signal,
    wait_until_ended,
)

_MOST_ROUNDS = 20
_PATIENCE = 0.5
"""Seconds that killed processes are waited for before they are looked for again."""
MOST_STDERR = 4096
"""Characters of standard error that are worth telling."""

MOST_DETAIL = 2000
"""Characters of an explanation that are worth telling."""

_UNSTRUCTURED = (
    "Claude Code's answer does not match the JSON Schema, or the schema is one that it cannot use."
)
_TAIL = 4 * MOST_STDERR


def signal_run(run_id: str, first: ProcessIdentity | None, number: signal.Signals) -> int:
    """
    Send a signal to all processes of a run.

    Claude Code starts its tools in sessions of their own: its process group is not all.

    @param first: Its first process, if that is known.
    @return: How many got it.
    """
    return sum(send_signal(process, number) for process in _processes(run_id, first))


def _processes(run_id: str, first: ProcessIdentity | None) -> set[ProcessIdentity]:
    if first is None:
        return set(family(RUN_VARIABLE, run_id))
    # When it was only just spawned it has no environment to be found by.
    alone = {first} if identify(first.pid) == first else set()
    return {*alone, *family(RUN_VARIABLE, run_id, first.started)}


def bury(run_id: str, first: ProcessIdentity | None) -> bool:
    """
    Kill what a run has left running, until nothing of it is there.

    @param first: Its first process, if that is known.
    @return: Whether nothing is.
    """
    for _ in range(_MOST_ROUNDS):
        processes = _processes(run_id, first)
        if not processes:
            return True
        for process in processes:
            send_signal(process, signal.SIGKILL)
        wait_until_ended(processes, _PATIENCE)
    return False


@frozen
class Result:
    """
    The last word of a run.

    @ivar fields: What Claude Code printed.
    """

    fields: dict[str, Any]

    @property
    def is_error(self) -> bool:
        """It tells of a failure."""
        return bool(self.fields.get("is_error"))

    @property
    def session_id(self) -> str | None:
        """The session that the run was part of."""
        session = self.fields.get("session_id")
        return session if isinstance(session, str) else None

    @property
    def is_refused(self) -> bool:
        """Claude Code did not go on with the session at all."""
        return self.is_error and self.fields.get("num_turns") == 0

    @property
    def explanation(self) -> str:
        """What went wrong, in Claude Code's words."""
        errors = self.fields.get("errors")
        said = self.fields.get("result") or (errors[0] if errors else None)
        # PostgreSQL's texts have no NUL.
        return str(said or self.fields.get("subtype") or "").replace("\0", "\ufffd")


def read_result(transcript: Path) -> Result | None:
    """The result in a transcript; C{None}: there is none."""
    text = find_result(transcript)
    return None if text is None else Result(msgspec.json.decode(text))


def stderr_tail(path: Path) -> str:
    """The end of what a run has written to standard error, and more than L{MOST_STDERR} of it."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def judge(
    exit_code: int | None, result: Result | None, why: Outcome | None, *, has_schema: bool = False
) -> Outcome:
    """
    How a run ended.

    @param has_schema: Its answer was to match a JSON Schema.
    @param exit_code: Its process's exit status; C{None}: a signal ended it, or it is not our child.
    @param result: Its last word.
    @param why: Why it was to end before it was done.
    """
    if result is not None and not result.is_error and exit_code in (0, None):
        if has_schema and "structured_output" not in result.fields:
            return Outcome(FAILED, _UNSTRUCTURED, exit_code)
        # Done, even when it was being ended just then.
        return Outcome(COMPLETED, exit_code=exit_code)
    if why is not None:
        return Outcome(why.status, why.detail, exit_code)
    if result is not None:
        return Outcome(FAILED, f"Claude Code failed: {result.explanation}", exit_code)
    how = "was killed" if exit_code is None else f"ended with the exit status {exit_code}"
    return Outcome(FAILED, f"Claude Code {how} and printed no result.", exit_code)
