"""Starting the process of a run: its files, its session, its descriptors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from attrs import frozen

from twisted_aigate.claudebox.command import RunFiles, command_line, contents
from twisted_aigate.claudebox.errors import ClaudeboxError
from twisted_aigate.claudebox.instance import INSTALL, Instance
from twisted_aigate.claudebox.models import Extras, RunRequest
from twisted_aigate.claudebox.run import Run
from twisted_aigate.claudebox.sessions import Session
from twisted_aigate.claudebox.skills import appended_prompt
from twisted_aigate.kernel.processes import ChildProcess, spawn
from twisted_aigate.kernel.threads import Threads

_PRIVATE = 0o600


@frozen
class _Ready:
    appended: bool
    descriptors: dict[int, int | str]


class Launcher:
    """
    Starts runs of an instance.

    @param reactor: Starts processes, keeps time.
    @param instance: The instance.
    @param environment: Our own environment.
    @param threads: Where files are written.
    """

    def __init__(
        self,
        reactor: Any,
        instance: Instance,
        environment: Mapping[str, str],
        threads: Threads,
    ) -> None:
        self._reactor = reactor
        self._instance = instance
        self._environment = environment
        self._threads = threads

    def binary(self) -> str:
        """
        Claude Code's executable. For threads.

        @raise ClaudeboxError: 503: it is not installed.
        """
        found = self._instance.find_binary(self._environment.get("PATH"))
        if found is None:
            raise ClaudeboxError(
                503, f"Claude Code is not installed, or CLAUDE_BIN is wrong; run: {INSTALL}"
            )
        return found

    async def launch(
        self, run: Run, request: RunRequest, extras: Extras, session: Session, binary: str
    ) -> ChildProcess | None:
        """
        Start a run's process.

        @param extras: What of the request has been checked.
        @return: C{None}: the run was ended before it had one.
        @raise OSError: It cannot be started, or its files not written.
        """
        files = RunFiles(self._instance.runs / run.record.id)
        transcript = self._instance.transcript(run.record.id)
        ready = await self._threads.run(self._prepare, request, extras, files, transcript)
        try:
            if run.why is not None:
                return None
            process = ChildProcess(self._reactor)
            spawn(
                self._reactor,
                process,
                command_line(binary, request, extras, session, files, appended=ready.appended),
                self._instance.environment(self._environment, run.record.id),
                run.workspace.path,
                ready.descriptors,
            )
            return process
        finally:
            for descriptor in ready.descriptors.values():
                os.close(int(descriptor))

    def _prepare(
        self, request: RunRequest, extras: Extras, files: RunFiles, transcript: Path
    ) -> _Ready:
        appended = appended_prompt(self._instance.config, request.append_system_prompt)
        files.folder.mkdir(parents=True)
        for path, text in contents(request, extras, files, appended):
            path.write_text(text, "utf-8", "surrogatepass")
        with ExitStack() as opened:
            descriptors: dict[int, int | str] = {}
            for number, path, flags in (
                (0, files.prompt, os.O_RDONLY),
                (1, transcript, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
                (2, files.errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND),
            ):
                descriptor = os.open(path, flags | os.O_CLOEXEC, _PRIVATE)
                opened.callback(os.close, descriptor)
                descriptors[number] = descriptor
            opened.pop_all()
        return _Ready(appended is not None, descriptors)
