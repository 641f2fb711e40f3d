"""The CLI as who has no aigate runs it: the same arguments, environment and kind of files."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from bench.claudebox.server import Server
from bench.claudebox.stand_in import prompt
from bench.common.processes import Unusable

_UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Start:
    """
    How aigate starts the CLI.

    @ivar arguments: Its arguments; a session's id is in them.
    @ivar environment: Its environment.
    @ivar folder: Where the server has the homes, configuration and workspaces.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


def observe(server: Server) -> Start:
    """
    See how a server starts what it runs.

    @param server: It runs the stand-in.
    @raise Unusable: It does not.
    """
    run = server.run(prompt=prompt(0), workspace="observed", noContinue=True)
    started = json.loads(run["result"])
    if not any(_UUID.search(argument) for argument in started["arguments"]):
        raise Unusable(f"a run has no session of its own: {started['arguments']}")
    return Start(started["arguments"], started["environment"], server.folder)


class ByHand:
    """
    The CLI, run by hand.

    @param start: How aigate starts it.
    @param binary: Its executable.
    @param folder: Where it has a home, a configuration and workspaces of its own.
    """

    def __init__(self, start: Start, binary: Path, folder: Path) -> None:
        self._start = start
        self._binary = binary
        self._folder = folder
        self._environment = {
            name: value.replace(str(start.folder), str(folder))
            for name, value in start.environment.items()
        }
        for made in ("workspaces", "config", "home", "runs"):
            (folder / made).mkdir(parents=True)

    def run(self, prompt: str, workspace: str) -> None:
        """
        Run it to its end in a new workspace.

        @raise Unusable: It fails.
        """
        transcript = self._folder / f"{workspace}.jsonl"
        with transcript.open("ab") as output, self._started(prompt, workspace, output) as process:
            # A wait with a time-out asks now and then, and is late by up to 50 ms.
            timer = threading.Timer(_TIMEOUT, process.kill)
            timer.start()
            status = process.wait()
            timer.cancel()
        with transcript.open("rb") as file:
            last = file.readlines()[-1:]
        if status or not last or json.loads(last[0]).get("is_error") is not False:
            raise Unusable(f"the CLI by hand: status {status}, {last}, see {self._folder / 'runs'}")

    def lines(self, prompt: str, workspace: str) -> Iterator[bytes]:
        """The lines that it prints, as they come through a pipe."""
        with self._started(prompt, workspace, subprocess.PIPE) as process:
            assert process.stdout is not None
            yield from iter(process.stdout.readline, b"")

    @contextmanager
    def _started(
        self, prompt: str, workspace: str, output: IO[bytes] | int
    ) -> Iterator[subprocess.Popen[bytes]]:
        place = self._folder / "workspaces" / workspace
        files = self._folder / "runs" / workspace
        place.mkdir()
        files.mkdir()
        (files / "prompt").write_text(prompt, "utf-8")
        session = str(uuid.uuid4())
        arguments = [_UUID.sub(session, argument) for argument in self._start.arguments]
        with (files / "prompt").open("rb") as given, (files / "stderr").open("wb") as errors:
            process = subprocess.Popen(
                [str(self._binary), *arguments],
                cwd=place,
                env=self._environment,
                stdin=given,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            # Nothing happens to one that has ended.
            process.kill()
            process.communicate()
