"""The CLI as who has no aigate runs it: the same arguments, environment and kind of files."""

from __future__ import annotations

import json
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.claudebox.server import ACCOUNT_KEY, TOKEN, Server
from bench.common.processes import Unusable
from twisted_aigate.claudebox.command import RunFiles, command_line
from twisted_aigate.claudebox.instance import Instance
from twisted_aigate.claudebox.models import RunRequest
from twisted_aigate.claudebox.sessions import Session
from twisted_aigate.kernel.secrets import Secret

_TIMEOUT = 120.0


class ByHand:
    """
    It.

    @param server: Whose runs it is to be like.
    @param folder: Where it has a home, a configuration and workspaces of its own.
    """

    def __init__(self, server: Server, folder: Path) -> None:
        account: dict[str, str | Secret] = {
            "ANTHROPIC_BASE_URL": server.anthropic,
            "ANTHROPIC_API_KEY": Secret(ACCOUNT_KEY),
        }
        self._server = server
        self._instance = Instance("claudebox", Secret(TOKEN), folder, str(server.binary), account)
        for made in ("workspaces", "config", "home", "runs", "transcripts"):
            (folder / made).mkdir(parents=True)

    def run(self, prompt: str, workspace: str) -> None:
        """
        Run it to its end in a new workspace.

        @raise Unusable: It fails.
        """
        transcript = self._instance.transcript(uuid.uuid4().hex)
        with transcript.open("ab") as output, self._started(prompt, workspace, output) as process:
            # A wait with a time-out asks now and then, and is late by up to 50 ms.
            timer = threading.Timer(_TIMEOUT, process.kill)
            timer.start()
            status = process.wait()
            timer.cancel()
        with transcript.open("rb") as file:
            last = file.readlines()[-1:]
        if status or not last or json.loads(last[0]).get("is_error") is not False:
            raise Unusable(f"the CLI by hand: status {status}, {last}, see {self._instance.runs}")

    def lines(self, prompt: str, workspace: str) -> Iterator[bytes]:
        """The lines that it prints, as they come through a pipe."""
        with self._started(prompt, workspace, subprocess.PIPE) as process:
            assert process.stdout is not None
            yield from iter(process.stdout.readline, b"")

    @contextmanager
    def _started(
        self, prompt: str, workspace: str, output: IO[bytes] | int
    ) -> Iterator[subprocess.Popen[bytes]]:
        run_id = uuid.uuid4().hex
        files = RunFiles(self._instance.runs / run_id)
        files.folder.mkdir()
        files.prompt.write_text(prompt, "utf-8")
        place = self._instance.workspaces / workspace
        place.mkdir(parents=True, exist_ok=True)
        session = Session(str(uuid.uuid4()), exists=False)
        request = RunRequest(prompt=prompt)
        binary = str(self._server.binary)
        with files.prompt.open("rb") as given, files.errors.open("wb") as errors:
            process = subprocess.Popen(
                command_line(binary, request, session, files, appended=False),
                cwd=place,
                env=self._instance.environment(self._server.environment, run_id),
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
