"""A real C{twistd aigate} in a folder of its own, as a user starts it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processors import on_one_processor
from tests.support.waiting import eventually

MASTER_KEY = "sk-end-to-end-0123456789"
_START_TIMEOUT = 30.0
_UNLIMITED = {"RATELIMIT_API": "off"}


def environment(**variables: str) -> dict[str, str]:
    """Our environment without any configuration of aigate, and then C{variables}."""
    kept = ("PATH", "PYTHONPATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, **variables}


class Server:
    """
    The server.

    @param variables: Its configuration beside port, key and folder; the word C{PORT} in
        C{AIGATE_LISTEN} becomes its port.
    @param config: The text of C{AIGATE_CONFIG}'s file, if it has one.
    @param files: Further files beside it, by name.
    """

    def __init__(
        self,
        config: str | None = None,
        *,
        files: Mapping[str, str] | None = None,
        **variables: str,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="aigate-test-"))
        self.port = free_port()
        self.config = self.folder / "config.yaml"
        settings = {
            "LITELLM_MASTER_KEY": MASTER_KEY,
            "AIGATE_PORT": str(self.port),
            "DATA_DIR": str(self.folder / "data"),
            "LOCAL_MODELS": "0",
            **_UNLIMITED,
        }
        if config is not None:
            self.config.write_text(config)
            settings["AIGATE_CONFIG"] = str(self.config)
        for name, text in (files or {}).items():
            (self.folder / name).write_text(text)
        settings.update(variables)
        if "AIGATE_LISTEN" in settings:
            settings["AIGATE_LISTEN"] = settings["AIGATE_LISTEN"].replace("PORT", str(self.port))
        self._on = [] if settings["LOCAL_MODELS"] == "0" else on_one_processor()
        self.variables = environment(**settings)
        self.log_path = self.folder / "log"
        self._log = self.log_path.open("wb")
        self.start()

    def start(self) -> None:
        """Start it; again, on the same port and data, after it was ended."""
        twistd = Path(sys.executable).with_name("twistd")
        self.process = subprocess.Popen(
            [*self._on, twistd, "--nodaemon", "--pidfile=", "aigate"],
            cwd=self.folder,
            env=self.variables,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has logged."""
        return self.log_path.read_text("utf-8", "replace")

    def wait_until_up(self) -> Server:
        """Wait until it answers."""
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended:\n{self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/health/liveliness", timeout=5):
                    return self
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"the server did not come up:\n{self.log}")

    def wait_for_log(self, pattern: str) -> None:
        """Wait until it has logged something that matches."""
        eventually(
            lambda: re.search(pattern, self.log),
            lambda: f"{pattern!r} is not in the log:\n{self.log}",
        )

    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident(self) -> int:
        """Its resident memory, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def children(self) -> list[int]:
        """The pids of its child processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def kill(self) -> None:
        """End it and all that it started with SIGKILL, which nothing can be done against."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, seconds: float = 20.0) -> int:
        """Stop it as systemd does; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def stop(self) -> int:
        """Stop it as systemd does, and remove what it wrote; its exit status."""
        try:
            status = self.terminate()
        finally:
            self._log.close()
        shutil.rmtree(self.folder)
        return status
