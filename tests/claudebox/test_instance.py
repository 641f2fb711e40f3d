"""An instance's folders, its environment and its secrets."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from twisted_aigate.claudebox.instance import RUN_VARIABLE, Instance
from twisted_aigate.kernel.secrets import Secret

_ACCOUNT = {
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:4000",
    "ANTHROPIC_AUTH_TOKEN": Secret("swordfish"),
    "ANTHROPIC_API_KEY": Secret(""),
}


class InstanceCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.instance = self.make()

    def make(self, binary: str | None = None) -> Instance:
        return Instance("claudebox", Secret("token"), self.folder, binary, _ACCOUNT)


class FolderTests(InstanceCase):
    def test_each_is_another(self) -> None:
        one = self.instance
        folders = [one.workspaces, one.config, one.home, one.runs, one.transcripts]
        self.assertEqual(len(set(folders)), 5)
        self.assertEqual({path.parent for path in folders}, {self.folder})
        self.assertEqual(one.transcript("7"), one.transcripts / "7.jsonl")


class BinaryTests(InstanceCase):
    def program(self, folder: str, name: str = "claude") -> Path:
        path = self.folder / folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return path

    def test_the_operators(self) -> None:
        named = self.program("a", "my-claude")
        self.program("b")
        self.assertEqual(self.make(str(named)).find_binary("/nowhere"), str(named))
        self.assertEqual(self.make("my-claude").find_binary(str(named.parent)), str(named))

    def test_the_operators_is_not_there(self) -> None:
        other = self.program("a")
        self.assertIsNone(self.make("/nowhere/claude").find_binary(str(other.parent)))
        other.chmod(0o644)
        self.assertIsNone(self.make(str(other)).find_binary(None))

    def test_beside_python_and_then_in_the_path(self) -> None:
        beside, found = self.program("venv"), self.program("path")
        python = self.program("venv", "python")
        self.patch(sys, "executable", str(python))
        self.assertEqual(self.instance.find_binary(str(found.parent)), str(beside))
        beside.unlink()
        self.assertEqual(self.instance.find_binary(str(found.parent)), str(found))
        found.unlink()
        self.assertIsNone(self.instance.find_binary(str(found.parent)))


class EnvironmentTests(InstanceCase):
    def test_all_of_it(self) -> None:
        environment = self.instance.environment({"PATH": "/bin", "LANG": "C.UTF-8"}, "run-1")
        sandbox = {"IS_SANDBOX": "1"} if os.geteuid() == 0 else {}
        self.assertEqual(
            environment,
            {
                "PATH": "/bin",
                "LANG": "C.UTF-8",
                "ANTHROPIC_BASE_URL": "http://127.0.0.1:4000",
                "ANTHROPIC_AUTH_TOKEN": "swordfish",
                "ANTHROPIC_API_KEY": "",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
                "HOME": str(self.folder / "home"),
                "CLAUDE_CONFIG_DIR": str(self.folder / "config"),
                RUN_VARIABLE: "run-1",
                **sandbox,
            },
        )

    def test_nobody_elses_secret(self) -> None:
        names = (
            "LITELLM_MASTER_KEY", "GROQ_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDEBOX_API_TOKEN",
            "CLAUDEBOX_ZAI_API_TOKEN", "CLAUDEBOX_ZAI_AUTH_TOKEN", "DATABASE_URL",
            "HYBRIDS3_MASTER_KEY", "AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "NODE_OPTIONS",
            "BASH_ENV", "PYTHONPATH", "HOME", "CLAUDE_CONFIG_DIR", RUN_VARIABLE,
        )  # fmt: skip
        process = dict.fromkeys(names, "not-for-claude")
        environment = self.instance.environment(process, "run-1")
        self.assertNotIn("not-for-claude", environment.values())

    def test_what_is_passed_on(self) -> None:
        names = ("PATH", "TZ", "TMPDIR", "SSL_CERT_FILE", "https_proxy", "NO_PROXY",
                 "BASH_MAX_TIMEOUT_MS", "MAX_THINKING_TOKENS")  # fmt: skip
        environment = self.instance.environment(dict.fromkeys(names, "x"), "1")
        for name in names:
            self.assertEqual(environment[name], "x", name)

    def test_a_host_that_no_proxy_is_asked_for(self) -> None:
        process = {"HTTP_PROXY": "http://proxy:1", "NO_PROXY": "a.test"}
        plain = evolve(self.instance, direct=None).environment(process, "r")
        self.assertEqual(plain["NO_PROXY"], "a.test")
        self.assertNotIn("no_proxy", plain)
        direct = evolve(self.instance, direct="127.0.0.1").environment(process, "r")
        self.assertEqual(direct["NO_PROXY"], "a.test,127.0.0.1")
        self.assertEqual(direct["no_proxy"], "127.0.0.1")

    def test_a_sandbox_for_root_alone(self) -> None:
        for user, wanted in ((0, "1"), (1000, None)):
            self.patch(os, "geteuid", lambda user=user: user)
            environment = self.instance.environment({}, "1")
            self.assertEqual(environment.get("IS_SANDBOX"), wanted, user)


class MaskTests(InstanceCase):
    def test_the_accounts_secrets(self) -> None:
        self.assertEqual(
            self.instance.masked("a swordfish, swordfish: http://127.0.0.1:4000"),
            "a ****, ****: http://127.0.0.1:4000",
        )
        self.assertEqual(self.instance.masked(""), "")
