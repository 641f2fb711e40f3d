"""An instance of the tree: Claude Code with one account, one folder and one environment."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from twisted_aigate.kernel.secrets import Secret

RUN_VARIABLE = "AIGATE_RUN_ID"
"""In the environment of a run and of all that it starts: how they are found again."""

INSTALL = "npm install -g @anthropic-ai/claude-code"
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
)
_PASSED_ON_PROXIES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
_PASSED_ON_LIMITS = (
    "API_TIMEOUT_MS",
    "BASH_DEFAULT_TIMEOUT_MS",
    "BASH_MAX_OUTPUT_LENGTH",
    "BASH_MAX_TIMEOUT_MS",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_MAX_RETRIES",
    "MAX_THINKING_TOKENS",
)
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}


@frozen
class Instance:
    """
    The instance.

    @ivar name: The tree's prefix: C{claudebox} or C{claudebox-zai}.
    @ivar token: What callers present.
    @ivar folder: Where everything of it is kept.
    @ivar binary: Claude Code's executable, if the operator names one.
    @ivar direct: A host that no proxy is asked for.
    @ivar account: The environment variables that say which models answer, and with what key.
    """

    name: str
    token: Secret
    folder: Path
    binary: str | None
    account: Mapping[str, str | Secret]
    direct: str | None = None

    @property
    def workspaces(self) -> Path:
        """The folder of the workspaces."""
        return self.folder / "workspaces"

    @property
    def config(self) -> Path:
        """Claude Code's own configuration, sessions and skills."""
        return self.folder / "config"

    @property
    def home(self) -> Path:
        """The home folder of runs."""
        return self.folder / "home"

    @property
    def runs(self) -> Path:
        """A folder for each run's files."""
        return self.folder / "runs"

    @property
    def transcripts(self) -> Path:
        """What each run has printed."""
        return self.folder / "transcripts"

    def transcript(self, run_id: str) -> Path:
        """What a run has printed."""
        return self.transcripts / f"{run_id}.jsonl"

    def find_binary(self, search: str | None) -> str | None:
        """
        Claude Code's executable.

        @param search: The C{PATH} to look in, after the folder of our own Python.
        @return: C{None}: it is not installed.
        """
        if self.binary is not None:
            return shutil.which(self.binary, path=search)
        own = os.path.dirname(sys.executable)
        return shutil.which("claude", path=own) or shutil.which("claude", path=search)

    def environment(self, process: Mapping[str, str], run_id: str) -> dict[str, str]:
        """
        All of a run's environment: no secret of another service is in it.

        @param process: Our own.
        """
        names = (*_PASSED_ON, *_PASSED_ON_PROXIES, *_PASSED_ON_LIMITS)
        variables = {name: process[name] for name in names if name in process}
        variables |= _QUIET
        for name, value in self.account.items():
            variables[name] = value.reveal() if isinstance(value, Secret) else value
        if self.direct is not None:
            for name in ("NO_PROXY", "no_proxy"):
                variables[name] = ",".join(filter(None, (variables.get(name), self.direct)))
        if os.geteuid() == 0:
            # Without it the CLI refuses to run unattended.
            variables["IS_SANDBOX"] = "1"
        return {
            **variables,
            "HOME": str(self.home),
            "CLAUDE_CONFIG_DIR": str(self.config),
            RUN_VARIABLE: run_id,
        }

    def masked(self, text: str) -> str:
        """A text without the account's secrets."""
        for value in self.account.values():
            if isinstance(value, Secret) and value.reveal():
                text = text.replace(value.reveal(), "****")
        return text

    def masked_value(self, value: Any) -> Any:
        """A decoded JSON value without the account's secrets."""
        if isinstance(value, str):
            return self.masked(value)
        if isinstance(value, list):
            return [self.masked_value(each) for each in value]
        if isinstance(value, dict):
            return {self.masked(name): self.masked_value(each) for name, each in value.items()}
        return value
