"""A browser driven by selenium alone, on a display of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from bench.common.processes import Unusable
from twisted_aigate.browser.programs import Programs

_FLAGS = (
    "--kiosk",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def _display(binary: str) -> Iterator[str]:
    reading, writing = os.pipe()
    command = [binary, "-displayfd", str(writing), "-nolisten", "tcp", "-noreset"]
    command += ["-screen", "0", "1920x1080x24"]
    process = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with open(reading, encoding="ascii") as said:
            number = said.readline().strip()
        if not number:
            raise Unusable("Xvfb does not start")
        yield f":{number}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def by_hand(programs: Programs, profile: Path) -> Iterator[Chrome]:
    """
    A browser, with selenium's own ways of waiting and all that it connects to directly.

    @raise Unusable: It does not start.
    """
    options = Options()
    options.binary_location = programs.chromium
    flags = [*_FLAGS, f"--user-data-dir={profile}", "--window-size=1920,1080"]
    for flag in (*flags, "--no-sandbox") if os.geteuid() == 0 else flags:
        options.add_argument(flag)
    with _display(programs.x_server) as display:
        service = Service(programs.driver, env={**os.environ, "DISPLAY": display})
        driver = Chrome(options=options, service=service)
        try:
            yield driver
        finally:
            driver.quit()
