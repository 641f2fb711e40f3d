"""A server with real browsers, and clients that drive them."""

from __future__ import annotations

import http.client
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import SkipTest

from tests.end_to_end.answer import Answer
from tests.end_to_end.server import Server

TOKEN = "browser-token-0123456789"
_NEEDED = ("chromium", "chromedriver", "Xvfb")
_PREFIX = "/stealthy-auto-browse"


def need_browsers() -> None:
    """Skip the test where browsers cannot run."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        raise SkipTest(f"not installed: {', '.join(missing)}: see apt-packages.txt")


class ActionAnswer(Answer):
    """The response to an action."""

    @property
    def data(self) -> Any:
        """What an action that succeeded has found."""
        assert self.status == 200, self
        assert self.value["success"], self
        return self.value["data"]

    @property
    def replica(self) -> str:
        """The replica that it came from."""
        return self.fields["set-cookie"].split(";")[0].removeprefix("INSTANCEID=")


class BrowserServer(Server):
    """
    The server.

    @param variables: As for L{Server}.
    """

    def __init__(self, **variables: str) -> None:
        need_browsers()
        settings = {
            "STEALTHY_AUTO_BROWSE_AUTH_TOKEN": TOKEN,
            "STEALTHY_AUTO_BROWSE_NUM_REPLICAS": "1",
            "BROWSER": "1",
            "BROWSER_ALLOW_PRIVATE": "1",
            "RATELIMIT_BROWSER": "off",
        }
        super().__init__(**{**settings, **variables})

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        pin: str | None = None,
        timeout: float = 120.0,
        fields: Mapping[str, str] | None = None,
    ) -> ActionAnswer:
        """The answer to a request."""
        fields = {"Connection": "close", **(fields or {})}
        if token is not None:
            fields["Authorization"] = f"Bearer {token}"
        if pin is not None:
            fields["Cookie"] = f"INSTANCEID={pin}"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, _PREFIX + path, data, fields)
            return ActionAnswer.of(connection.getresponse())
        finally:
            connection.close()

    def ask(self, action: str, *, pin: str | None = None, **parameters: Any) -> ActionAnswer:
        """The answer to an action."""
        return self.request("POST", "/", {"action": action, **parameters}, pin=pin)

    def act(self, action: str, *, pin: str | None = None, **parameters: Any) -> Any:
        """What an action that succeeds has found."""
        return self.ask(action, pin=pin, **parameters).data

    def fail(self, action: str, *, pin: str | None = None, **parameters: Any) -> str:
        """Why an action fails."""
        answer = self.ask(action, pin=pin, **parameters)
        assert answer.status == 200, answer
        assert not answer.value["success"], answer
        error: str = answer.value["error"]
        assert "#0" not in error, error
        return error

    def script(self, *steps: dict[str, Any], pin: str | None = None, **more: Any) -> Any:
        """What a script that succeeds has found."""
        return self.act("run_script", pin=pin, steps=list(steps), **more)

    def status(self) -> Any:
        """How the cluster is doing."""
        return self.request("GET", "/__queue/status", token=None).value

    def processes(self) -> dict[str, list[int]]:
        """The pids of the browsers' processes, by what they are; zombies too."""
        found: dict[str, list[int]] = {"chromium": [], "chromedriver": [], "Xvfb": [], "zombie": []}
        sessions = {self.process.pid, *self.children()}
        for path in Path("/proc").iterdir():
            if not path.name.isdigit():
                continue
            try:
                text = (path / "stat").read_text()
                command = (path / "cmdline").read_text()
            except (OSError, UnicodeDecodeError):
                continue
            before, after = text.rsplit(")", 1)
            name, rest = before[before.index("(") + 1 :], after.split()
            if int(rest[3]) not in sessions:
                continue
            if rest[0] == "Z":
                found["zombie"].append(int(path.name))
            elif name in found and "--type=" not in command:
                # What has a type is a part of a browser.
                found[name].append(int(path.name))
        return found
